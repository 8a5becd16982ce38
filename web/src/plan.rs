//! From what stands on the controls to a recipe, and back. Pure functions of a card and values.

use secateur_graph::groups::UnitKind;
use secateur_protocol::{Card, Field, Kind, Recipe, RecipeError, Value, Values};

/// The field that has the big slider.
pub const SPARSITY: &str = "sparsity";
/// Its value `unit` cuts whole units, of the kinds that the next one names.
pub const PATTERN: &str = "pattern";
pub const UNITS: &str = "units";
/// What stays of a group is a multiple of this.
pub const MULTIPLE: &str = "multiple";

/// The recipe the controls ask for: of all values ever set, those this method knows and now uses.
pub fn recipe(card: &Card, values: &Values, seed: u64) -> Result<Recipe, RecipeError> {
    let used = card.fields.iter().filter(|field| is_used(card, field, values));
    let picked = used.filter_map(|field| Some((field.key.to_string(), values.get(field.key.as_ref())?.clone())));
    Recipe::new(card, picked.collect(), seed)
}

/// A field's value on the controls: as set when the card allows it, else the default.
pub fn value(field: &Field, values: &Values) -> Value {
    let set = values.get(field.key.as_ref()).cloned();
    set.and_then(|value| field.check(value).ok()).unwrap_or_else(|| field.default())
}

/// Whether a field matters: the one it depends on has a right value and matters itself.
pub fn is_used(card: &Card, field: &Field, values: &Values) -> bool {
    let Some((key, wanted)) = &field.only_if else { return true };
    card.field(key).is_some_and(|on| {
        let now = value(on, values).to_string();
        on.key != field.key && wanted.iter().any(|wanted| *wanted == now) && is_used(card, on, values)
    })
}

/// Whether the controls cut whole units.
pub fn cuts_units(card: &Card, values: &Values) -> bool {
    card.field(UNITS).is_some_and(|field| is_used(card, field, values))
}

/// Whether a choice of units, e.g. `heads,neurons`, names some of these kinds.
pub fn names_some(units: &str, kinds: &[UnitKind]) -> bool {
    units.split(',').any(|word| kinds.iter().any(|kind| kind.word() == word))
}

/// Puts the controls to whole units of a kind, of which none goes before somebody asks for it.
pub fn cut_units(values: &mut Values, kind: &str) {
    values.insert(PATTERN.into(), Value::Text("unit".into()));
    values.insert(UNITS.into(), Value::Text(kind.into()));
    values.insert(SPARSITY.into(), Value::Number(0.0));
    values.remove("budget");
}

/// The fraction the controls ask to remove; none when a pattern decides it.
pub fn sparsity(card: &Card, values: &Values) -> Option<f64> {
    let field = card.field(SPARSITY).filter(|field| is_used(card, field, values))?;
    match value(field, values) {
        Value::Number(number) => Some(number),
        Value::Text(_) => None,
    }
}

/// Least and greatest number a field takes, and the step of its control.
pub fn range(field: &Field) -> Option<(f64, f64, f64)> {
    match &field.kind {
        Kind::Number { min, max, .. } => Some((*min, *max, 0.01)),
        Kind::Whole { min, max, .. } => Some((*min as f64, *max as f64, 1.0)),
        Kind::Choice { .. } | Kind::Words => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secateur_protocol::Filing;

    fn card() -> Card {
        Card {
            id: "toy".into(),
            name: "".into(),
            paper: "".into(),
            authors: "".into(),
            year: 2026,
            arxiv: "".into(),
            sentence: "".into(),
            when: "".into(),
            formula: "".into(),
            differs: "".into(),
            needs: Vec::new(),
            filing: Filing::plain(),
            fields: vec![
                Field::number("sparsity", 0.5, 0.0, 0.99, "").only_if("pattern", &["unstructured", "blocks"]),
                Field::choice("pattern", "unstructured", &["unstructured", "n:m", "blocks"], ""),
                Field::whole("n", 2, 1, 15, "").only_if("pattern", &["n:m"]),
                Field::choice("allocation", "uniform", &["uniform", "global"], "")
                    .only_if("pattern", &["unstructured"]),
                Field::number("floor", 0.0, 0.0, 100.0, "").only_if("allocation", &["global"]),
            ],
        }
    }

    fn values(pairs: &[(&str, Value)]) -> Values {
        pairs.iter().map(|(key, value)| (key.to_string(), value.clone())).collect()
    }

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    #[test]
    fn what_is_not_used_is_not_in_the_recipe() {
        let set = values(&[
            ("sparsity", Value::Number(0.8)),
            ("n", Value::Number(3.0)),
            ("alpha", Value::Number(1.0)),
            ("allocation", text("global")),
            ("floor", Value::Number(5.0)),
        ]);
        let line = recipe(&card(), &set, 1).unwrap().canonical();
        assert_eq!(line, "method=toy&seed=1&allocation=global&floor=5&sparsity=0.8");
        let mut set = set;
        set.insert("pattern".into(), text("n:m"));
        assert_eq!(
            recipe(&card(), &set, 1).unwrap().canonical(),
            "method=toy&seed=1&n=3&pattern=n%3Am".replace("%3A", ":")
        );
        assert_eq!(sparsity(&card(), &set), None);
        set.insert("pattern".into(), text("blocks"));
        assert_eq!(recipe(&card(), &set, 1).unwrap().canonical(), "method=toy&seed=1&pattern=blocks&sparsity=0.8");
        assert_eq!(sparsity(&card(), &set), Some(0.8));
    }

    #[test]
    fn units_are_cut_where_the_card_can() {
        let mut set = values(&[("sparsity", Value::Number(0.8)), ("budget", text("macs"))]);
        cut_units(&mut set, "heads");
        assert!(!cuts_units(&card(), &set), "this card knows no units");
        let mut able = card();
        able.fields.push(Field::choice("units", "neurons", &["neurons", "heads"], "").only_if("pattern", &["unit"]));
        able.fields[1] = Field::choice("pattern", "unstructured", &["unstructured", "unit"], "");
        assert!(names_some("heads,neurons", &[UnitKind::Neurons]) && !names_some("heads", &[UnitKind::HeadDims]));
        assert!(cuts_units(&able, &set) && !cuts_units(&able, &Values::new()));
        assert_eq!(recipe(&able, &set, 1).unwrap().canonical(), "method=toy&seed=1&pattern=unit&units=heads");
    }

    #[test]
    fn a_value_the_card_refuses_shows_as_the_default() {
        let set = values(&[("sparsity", Value::Number(7.0))]);
        assert_eq!(sparsity(&card(), &set), Some(0.5));
    }
}
