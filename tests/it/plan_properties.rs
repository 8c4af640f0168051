//! Properties of plans over random stacks and changes.
