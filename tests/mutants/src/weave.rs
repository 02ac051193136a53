//! All mutants of one file in one text, each behind its number.
//!
//! An operator's mutant needs the whole chain of operators that it stands in: `a || b && c` has
//! another tree than `a && b && c`. So the chain is written once for each of its mutants, just as
//! cargo-mutants would write it, and once as it is.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::Failure;
use crate::list::Mutant;

/// Where a mutant stands in the text.
pub(crate) struct Place {
    pub(crate) id: usize,
    /// The number that its switch is asked with: that of the first mutant of the choice.
    pub(crate) site: usize,
    pub(crate) at: Range<usize>,
}

/// A file with its mutants in it.
pub(crate) struct Woven {
    pub(crate) text: String,
    pub(crate) places: Vec<Place>,
    /// Mutants that no switch can reach: what the compiler computes, and values of another type.
    pub(crate) fixed: Vec<usize>,
    /// Mutants that no compiler takes, and why.
    pub(crate) unviable: Vec<(usize, String)>,
}

impl Woven {
    fn place(&mut self, id: usize, site: usize, begin: usize) {
        self.places.push(Place { id, site, at: begin..self.text.len() });
    }
}

/// Where in the source a mutant can be switched.
#[derive(Default)]
struct Sites {
    /// From where an operator, a guard or a field begins to the expression to be chosen.
    expressions: HashMap<usize, Range<usize>>,
    /// From where an arm begins to the end of its pattern, where another arm takes the rest.
    arms: HashMap<usize, usize>,
    /// The bodies of functions whose type only the compiler knows: two values are two types.
    opaque: Vec<Range<usize>>,
    /// `&&` and `||` beside a `let`.
    lets: HashSet<usize>,
    /// What the compiler computes.
    constants: Vec<Range<usize>>,
    /// Name, the word `const`, body.
    const_fns: Vec<(String, Range<usize>, Range<usize>)>,
    /// The chain that we are in.
    chain: Option<Range<usize>>,
}

fn range(node: &impl Spanned) -> Range<usize> {
    node.span().byte_range()
}

fn holds_let(expression: &syn::Expr) -> bool {
    match expression {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(both) => holds_let(&both.left) || holds_let(&both.right),
        _ => false,
    }
}

impl Sites {
    fn operand(&mut self, expression: &syn::Expr, chain: Option<&Range<usize>>) {
        self.chain = chain.filter(|_| matches!(expression, syn::Expr::Binary(_))).cloned();
        self.visit_expr(expression);
        self.chain = None;
    }

    fn function(&mut self, signature: &syn::Signature, body: &syn::Block) {
        if let Some(word) = signature.constness {
            self.const_fns.push((signature.ident.to_string(), range(&word), range(body)));
        }
        if let syn::ReturnType::Type(_, given) = &signature.output
            && matches!(**given, syn::Type::ImplTrait(_))
        {
            self.opaque.push(range(body));
        }
    }
}

impl<'ast> Visit<'ast> for Sites {
    fn visit_expr_binary(&mut self, node: &'ast syn::ExprBinary) {
        let whole = range(node);
        let operator = range(&node.op).start;
        if holds_let(&node.left) || holds_let(&node.right) {
            self.lets.insert(operator);
            self.operand(&node.left, None);
            self.operand(&node.right, None);
            return;
        }
        let chain = self.chain.take().unwrap_or(whole);
        self.expressions.insert(operator, chain.clone());
        self.operand(&node.left, Some(&chain));
        self.operand(&node.right, Some(&chain));
    }

    fn visit_expr_unary(&mut self, node: &'ast syn::ExprUnary) {
        self.expressions.insert(range(&node.op).start, range(node));
        visit::visit_expr_unary(self, node);
    }

    fn visit_expr_match(&mut self, node: &'ast syn::ExprMatch) {
        let takes_all =
            |arm: &syn::Arm| matches!(arm.pat, syn::Pat::Wild(_)) && arm.guard.is_none();
        if node.arms.iter().any(takes_all) {
            let ends = node.arms.iter().map(|arm| (range(arm).start, range(&arm.pat).end));
            self.arms.extend(ends);
        }
        visit::visit_expr_match(self, node);
    }

    fn visit_arm(&mut self, node: &'ast syn::Arm) {
        if let Some((_, guard)) = &node.guard {
            self.expressions.entry(range(guard).start).or_insert_with(|| range(guard));
        }
        visit::visit_arm(self, node);
    }

    fn visit_expr_struct(&mut self, node: &'ast syn::ExprStruct) {
        for field in &node.fields {
            self.expressions.insert(range(field).start, range(node));
        }
        visit::visit_expr_struct(self, node);
    }

    fn visit_item_fn(&mut self, node: &'ast syn::ItemFn) {
        self.function(&node.sig, &node.block);
        visit::visit_item_fn(self, node);
    }

    fn visit_impl_item_fn(&mut self, node: &'ast syn::ImplItemFn) {
        self.function(&node.sig, &node.block);
        visit::visit_impl_item_fn(self, node);
    }

    fn visit_item_const(&mut self, node: &'ast syn::ItemConst) {
        self.constants.push(range(node));
        visit::visit_item_const(self, node);
    }

    fn visit_impl_item_const(&mut self, node: &'ast syn::ImplItemConst) {
        self.constants.push(range(node));
        visit::visit_impl_item_const(self, node);
    }

    fn visit_item_static(&mut self, node: &'ast syn::ItemStatic) {
        self.constants.push(range(node));
        visit::visit_item_static(self, node);
    }

    fn visit_type_array(&mut self, node: &'ast syn::TypeArray) {
        self.constants.push(range(&node.len));
        visit::visit_type_array(self, node);
    }

    fn visit_expr_repeat(&mut self, node: &'ast syn::ExprRepeat) {
        self.constants.push(range(&node.len));
        visit::visit_expr_repeat(self, node);
    }

    fn visit_expr_const(&mut self, node: &'ast syn::ExprConst) {
        self.constants.push(range(node));
        visit::visit_expr_const(self, node);
    }
}

/// One change of the text.
enum Edit {
    /// A function's body may be left at once with another value.
    Leave { id: usize, value: String },
    /// An arm may be passed by.
    Pass { id: usize },
    /// A word goes.
    Drop,
    /// One of these is computed, or what stands there.
    Choose(Vec<(usize, String)>),
}

/// A file with these mutants. `keep` names the functions that stay `const`.
pub(crate) fn weave(
    source: &str,
    mutants: &[&Mutant],
    keep: &HashSet<String>,
) -> Result<Woven, Failure> {
    let mut sites = Sites::default();
    sites.visit_file(&syn::parse_file(source)?);
    let mut woven = Woven { text: String::new(), places: vec![], fixed: vec![], unviable: vec![] };
    let mut edits: Vec<(Range<usize>, Edit)> = vec![];
    let mut chosen: BTreeMap<(usize, usize), Vec<(usize, String)>> = BTreeMap::new();
    let mut dropped = HashSet::new();
    for mutant in mutants {
        let at = offset(source, mutant.start)?..offset(source, mutant.end)?;
        let inside = |outer: &Range<usize>| outer.start <= at.start && at.end <= outer.end;
        let whole = mutant.genre == "FnValue";
        if sites.constants.iter().any(inside) || whole && sites.opaque.iter().any(inside) {
            woven.fixed.push(mutant.id);
            continue;
        }
        if let Some((name, word, _)) = sites.const_fns.iter().find(|(_, _, body)| inside(body)) {
            if keep.contains(name) {
                woven.fixed.push(mutant.id);
                continue;
            }
            if dropped.insert(word.start) {
                edits.push((word.clone(), Edit::Drop));
            }
        }
        let id = mutant.id;
        match mutant.genre.as_str() {
            "FnValue" => {
                let value = mutant.replacement.clone();
                edits.push((at.start..at.start, Edit::Leave { id, value }));
            }
            "MatchArm" => match sites.arms.get(&at.start) {
                Some(end) => edits.push((*end..*end, Edit::Pass { id })),
                None => {
                    let why = "no other arm takes what this one takes".to_owned();
                    woven.unviable.push((id, why));
                }
            },
            _ if sites.lets.contains(&at.start) => {
                woven.unviable.push((id, "beside a `let` there is only `&&`".to_owned()));
            }
            genre => {
                let whole = match genre {
                    "MatchArmGuard" => at.clone(),
                    _ => sites
                        .expressions
                        .get(&at.start)
                        .ok_or_else(|| format!("no place for {}", mutant.name))?
                        .clone(),
                };
                let (before, after) = (&source[whole.start..at.start], &source[at.end..whole.end]);
                let text = format!("{before}{}{after}", mutant.replacement);
                chosen.entry((whole.start, whole.end)).or_default().push((id, text));
            }
        }
    }
    edits.extend(chosen.into_iter().map(|((from, to), all)| (from..to, Edit::Choose(all))));
    // What is inserted comes before what begins there, what is longer before what is in it.
    edits.sort_by_key(|(at, _)| (at.start, !at.is_empty(), usize::MAX - at.end));
    write(source, 0..source.len(), &edits, &mut woven);
    Ok(woven)
}

fn write(source: &str, within: Range<usize>, edits: &[(Range<usize>, Edit)], woven: &mut Woven) {
    let mut from = within.start;
    let mut rest = edits;
    while let Some(((at, edit), later)) = rest.split_first() {
        woven.text.push_str(&source[from..at.start]);
        let inner = later.iter().take_while(|(other, _)| other.start < at.end).count();
        let begin = woven.text.len();
        match edit {
            Edit::Leave { id, value } => {
                woven
                    .text
                    .push_str(&format!("if crate::mutant({id}) == {id} {{ return {value}; }} "));
                woven.place(*id, *id, begin);
            }
            Edit::Pass { id } => {
                woven.text.push_str(&format!(" if crate::mutant({id}) != {id}"));
                woven.place(*id, *id, begin);
            }
            Edit::Drop => {}
            Edit::Choose(all) => {
                let site = all.first().map_or(0, |(id, _)| *id);
                woven.text.push_str(&format!("(match crate::mutant({site}) {{ "));
                for (id, text) in all {
                    let begin = woven.text.len();
                    woven.text.push_str(&format!("{id} => {{ {text} }} "));
                    woven.place(*id, site, begin);
                }
                woven.text.push_str("_ => { ");
                write(source, at.clone(), &later[..inner], woven);
                woven.text.push_str(" } })");
            }
        }
        from = at.end;
        rest = &later[inner..];
    }
    woven.text.push_str(&source[from..within.end]);
}

fn offset(source: &str, (line, column): (usize, usize)) -> Result<usize, Failure> {
    let mut begin = 0;
    for _ in 1..line {
        begin += source[begin..].find('\n').ok_or("a line that is none")? + 1;
    }
    let chars: usize = source[begin..].chars().take(column - 1).map(char::len_utf8).sum();
    Ok(begin + chars)
}
