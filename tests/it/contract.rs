//! What every engine must do: the simulated one keeps this contract, and so must a real one.
