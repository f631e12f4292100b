//! Three texts, and the text that their merge makes.

use merge_engine::{Context, Outcome, Policy, merge, same};

use super::document::form::{Form, either};
use super::document::source::{Source, Wrapping};
use super::document::tree::Tree;
use super::layout::{Layout, base_of_marked};
use crate::failure::Failure;

/// Three texts.
#[derive(Debug)]
pub(super) struct Texts {
    /// `None`: there was nothing.
    base: Option<Source>,
    ours: Source,
    theirs: Source,
}

/// The values and forms of three texts.
struct Read<T> {
    base: Option<T>,
    ours: T,
    theirs: T,
}

impl Texts {
    /// Three texts. A base without anything in it is absent; one with marks of conflicts is the result of another merge,
    /// of which its own base is taken.
    pub(super) fn new(mut base: Source, ours: Source, theirs: Source) -> Self {
        if let Some(text) = base_of_marked(&base.text) {
            base.text = text;
        }
        Self { base: Some(base).filter(|base| !base.is_empty()), ours, theirs }
    }

    /// The merge, and the bytes of its text: with marks where it is disputed, or with ours there.
    ///
    /// # Errors
    /// [`Failure::Input`] when one of the texts is no JSON.
    pub(super) fn merge(&self, policy: &Policy, context: &Context<'_>, marked: bool) -> Result<(Outcome, Vec<u8>), Failure> {
        let trees = Read { base: self.base.as_ref().map(Source::tree).transpose()?, ours: self.ours.tree()?, theirs: self.theirs.tree()? };
        let outcome = merge(trees.base.as_ref().map(|base| &base.value), &trees.ours.value, &trees.theirs.value, policy, context);
        if outcome.is_clean()
            && let Some(side) = self.only_changed(&outcome, &trees)
        {
            return Ok((outcome, side.bytes.clone()));
        }
        let bytes = self.lay_out(&outcome, &trees, policy, marked)?;
        Ok((outcome, bytes))
    }

    /// The side that alone differs from the base, where the merge has taken it: it stays as it is, byte for byte.
    fn only_changed(&self, outcome: &Outcome, trees: &Read<Tree<'_>>) -> Option<&Source> {
        let is_base = |side: &Source| self.base.as_ref().is_some_and(|base| base.bytes == side.bytes);
        if is_base(&self.ours) && same(&outcome.merged, &trees.theirs.value) {
            return Some(&self.theirs);
        }
        let theirs_adds_nothing = is_base(&self.theirs) || self.theirs.bytes == self.ours.bytes;
        (theirs_adds_nothing && same(&outcome.merged, &trees.ours.value)).then_some(&self.ours)
    }

    fn lay_out(&self, outcome: &Outcome, trees: &Read<Tree<'_>>, policy: &Policy, marked: bool) -> Result<Vec<u8>, Failure> {
        let forms = Read { base: trees.base.as_ref().map(Form::of), ours: Form::of(&trees.ours), theirs: Form::of(&trees.theirs) };
        let form = Form::merged(forms.base.as_ref(), &forms.ours, &forms.theirs);
        // in one form, what the sides have can stand beside each other
        let restyled =
            |source: &Source, tree: &Tree<'_>, own: &Form| Source { text: own.restyle(&source.text, tree, &form), ..source.clone() };
        let base = self.base.as_ref().zip(trees.base.as_ref()).zip(forms.base.as_ref());
        let base = base.map(|((source, tree), own)| restyled(source, tree, own));
        let (ours, theirs) = (restyled(&self.ours, &trees.ours, &forms.ours), restyled(&self.theirs, &trees.theirs, &forms.theirs));
        let base = base.as_ref().map(Source::tree).transpose()?;
        let disputes = if marked { outcome.disputes.as_slice() } else { &[] };
        let layout = Layout { form: &form, policy };
        let pieces = layout.of(&outcome.merged, disputes, &ours.tree()?, base.as_ref(), &theirs.tree()?);
        let text = if disputes.is_empty() { pieces.ours() } else { pieces.marked() };
        Ok(self.wrapping().wrap(&text))
    }

    fn wrapping(&self) -> Wrapping {
        let base = self.base.as_ref().map(|base| base.wrapping);
        let (ours, theirs) = (self.ours.wrapping, self.theirs.wrapping);
        Wrapping {
            bom: *either(base.map(|base| base.bom).as_ref(), &ours.bom, &theirs.bom),
            crlf: *either(base.map(|base| base.crlf).as_ref(), &ours.crlf, &theirs.crlf),
        }
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
