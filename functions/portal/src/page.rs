//! The owner's pages: Hebrew, right to left, good without JavaScript.

mod view;

pub(crate) use view::*;
