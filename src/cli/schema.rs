//! `reconcile schema`: the JSON schemas of the settings. The same stand in `docs/schema/`.

use super::apply::pretty;
use super::args::{CommonArgs, SchemaArgs, SchemaOf};
use super::exit::Exit;
use super::output::Output;
use crate::compose::settings::schema;

/// Prints a schema.
pub fn run(args: &SchemaArgs, common: &CommonArgs) -> Exit {
    let schema = match args.of {
        SchemaOf::Stack => schema::stack(),
        SchemaOf::Service => schema::service(),
        SchemaOf::Compose => schema::compose(),
        SchemaOf::Host => schema::host(),
    };
    Output::new(common).result(&pretty(&schema));
    Exit::Success
}
