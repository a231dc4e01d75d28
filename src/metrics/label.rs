//! Labels whose values are a fixed set, and metrics that exist for each of these values from the start. So a value
//! of 0 is visible, and recording needs neither a lock nor a hash.

use std::ops::Index;

use super::Labels;
use prometheus_client::metrics::family::Family;

/// A label whose values are a fixed set.
pub trait Label: Copy + 'static {
    /// The name of the label.
    const NAME: &'static str;
    /// Its values, each at the index of its number.
    const ALL: &'static [Self];
    /// The value's number.
    fn number(self) -> usize;
    /// The value as text.
    fn word(self) -> &'static str;
}

/// Declares an enum that is the set of a label's values.
macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident $label:literal { $($(#[$value_doc:meta])* $value:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$value_doc])* $value,)* }

        impl $crate::metrics::label::Label for $name {
            const NAME: &'static str = $label;
            const ALL: &'static [Self] = &[$(Self::$value),*];
            fn number(self) -> usize { self as usize }
            fn word(self) -> &'static str { match self { $(Self::$value => $word,)* } }
        }
    )*};
}
pub(super) use labels;

/// A metric for each value of a label.
#[derive(Debug)]
pub struct By<L, M> {
    metrics: Vec<M>,
    label: std::marker::PhantomData<L>,
}

impl<L: Label, M: Clone> By<L, M> {
    /// The metrics of a family that have these labels and each value of this one.
    pub(super) fn of(family: &Family<Labels, M, fn() -> M>, others: &[(&'static str, &'static str)]) -> Self {
        let metric = |value: &L| {
            let labels = others.iter().copied().chain([(L::NAME, value.word())]);
            family.get_or_create_owned(&labels.map(|(name, value)| (name, value.into())).collect())
        };
        Self { metrics: L::ALL.iter().map(metric).collect(), label: std::marker::PhantomData }
    }
}

impl<L: Label, M> Index<L> for By<L, M> {
    type Output = M;

    fn index(&self, value: L) -> &M {
        &self.metrics[value.number()]
    }
}
