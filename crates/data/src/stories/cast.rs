use super::words::{
    ANIMALS, BOYS, FOODS, GIRLS, LOOKS, NUMBERS, Noun, PETS, PLACES, Person, Place, SPOTS, THINGS, TOOLS, TRAPS,
};

/// Who and what one story is about, drawn before it is told: what is lost is what is found.
pub struct Cast {
    /// Hero, friend and a third; no two of one name.
    people: [Person; 3],
    /// How it looks, and what it is; no two alike in either.
    things: [(&'static str, Noun); 2],
    food: Noun,
    animal: Noun,
    tool: Noun,
    /// Nouns that are not in the story.
    others: [Noun; 2],
    place: Place,
    spots: [&'static str; 2],
    trap: &'static str,
    pet: &'static str,
    /// Three to eight, and some of them: two, but not all.
    all: usize,
    some: usize,
}

/// What stands for a slot: words before, the word that may be asked for, and what it could be taken for.
pub struct Words {
    pub before: String,
    pub word: String,
    pub wrong: Vec<String>,
}

impl Cast {
    pub fn draw(below: &mut dyn FnMut(usize) -> usize) -> Self {
        let things: [Noun; 4] = several(THINGS, below);
        let [first, second] = several(LOOKS, below);
        let [pet] = several(PETS, below);
        let all = 3 + below(6);
        Self {
            people: people(below),
            things: [(first, things[0]), (second, things[1])],
            food: one(FOODS, below),
            animal: one(ANIMALS, below),
            tool: one(TOOLS, below),
            others: [things[2], things[3]],
            place: one(PLACES, below),
            spots: several(SPOTS, below),
            trap: one(TRAPS, below),
            pet,
            all,
            some: 2 + below(all - 2),
        }
    }

    /// What `{..}` in a plot stands for, without its question mark.
    pub fn words(&self, slot: &str) -> Words {
        let rest = self.all - self.some;
        let counted = |count: usize, slot| self.counted(NUMBERS[count], self.noun(slot), count == 1);
        match slot.split_once(' ') {
            Some(("a", slot)) => self.one_of(slot),
            Some(("n", slot)) => counted(self.all, slot),
            Some(("k", slot)) => counted(self.some, slot),
            Some(("rest", slot)) => counted(rest, slot),
            Some(("to", _)) => plain(self.place.to),
            Some(("at", _)) => plain(self.place.at),
            _ => self.word(slot),
        }
    }

    fn word(&self, slot: &str) -> Words {
        match slot {
            "n" => plain(NUMBERS[self.all]),
            "k" => plain(NUMBERS[self.some]),
            "spot" => plain(self.spots[0]),
            "spot2" => plain(self.spots[1]),
            "trap" => plain(self.trap),
            "pet" => Words { wrong: self.people.map(|person| person.name.to_string()).to_vec(), ..plain(self.pet) },
            "foods" | "animals" => self.counted("", self.noun(slot), false),
            "thing.noun" => self.named("", self.things[0].1),
            "thing" => self.named(self.things[0].0, self.things[0].1),
            "thing2" => self.named(self.things[1].0, self.things[1].1),
            "food" | "animal" | "tool" => self.named("", self.noun(slot)),
            _ => self.person(slot),
        }
    }

    /// `hero`, or `hero.his`.
    fn person(&self, slot: &str) -> Words {
        let (who, form) = slot.split_once('.').unwrap_or((slot, "name"));
        let person = match who {
            "hero" => self.people[0],
            "friend" => self.people[1],
            "other" => self.people[2],
            _ => unreachable!("no plot has {{{slot}}}"),
        };
        if form == "name" {
            let others = self.people.iter().filter(|other| **other != person);
            return Words { wrong: others.map(|other| other.name.to_string()).collect(), ..plain(person.name) };
        }
        let forms = |girl| match (form, girl) {
            ("he", true) => "she",
            ("he", false) => "he",
            ("him" | "his", true) => "her",
            ("him", false) => "him",
            ("his", false) => "his",
            ("He", true) => "She",
            ("He", false) => "He",
            ("His", true) => "Her",
            ("His", false) => "His",
            ("girl" | "brother", girl) => kinship(form, girl),
            _ => unreachable!("no plot has {{{slot}}}"),
        };
        Words { wrong: vec![forms(!person.girl).to_string()], ..plain(forms(person.girl)) }
    }

    /// Something without an article.
    fn noun(&self, slot: &str) -> Noun {
        match slot {
            "food" | "foods" => self.food,
            "animal" | "animals" => self.animal,
            "tool" => self.tool,
            _ => unreachable!("no plot has {{{slot}}}"),
        }
    }

    /// `red kite`: asked for its noun, which could be taken for any other.
    fn named(&self, look: &str, noun: Noun) -> Words {
        let [(_, first), (_, second)] = self.things;
        let others = [first, second].into_iter().chain(self.others).filter(|other| *other != noun);
        Words { before: look.into(), word: noun.one.into(), wrong: others.map(|other| other.one.into()).collect() }
    }

    /// `three plums`: asked for its noun, which could be taken for one alone.
    fn counted(&self, number: &str, noun: Noun, single: bool) -> Words {
        let (right, wrong) = if single { (noun.one, noun.many) } else { (noun.many, noun.one) };
        Words { before: number.into(), word: right.into(), wrong: vec![wrong.into()] }
    }

    /// `an old kite`: asked for its article.
    fn one_of(&self, slot: &str) -> Words {
        let Words { before, word, .. } = self.word(slot);
        let noun = if before.is_empty() { word } else { format!("{before} {word}") };
        let (right, wrong) = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { ("an", "a") } else { ("a", "an") };
        Words { before: String::new(), word: format!("{right} {noun}"), wrong: vec![format!("{wrong} {noun}")] }
    }
}

fn kinship(form: &str, girl: bool) -> &'static str {
    match (form, girl) {
        ("girl", true) => "girl",
        ("girl", false) => "boy",
        (_, true) => "sister",
        (_, false) => "brother",
    }
}

/// A word that nothing is asked about.
fn plain(word: &str) -> Words {
    Words { before: String::new(), word: word.into(), wrong: Vec::new() }
}

fn people(below: &mut dyn FnMut(usize) -> usize) -> [Person; 3] {
    let girls: [_; 3] = several(GIRLS, below);
    let boys: [_; 3] = several(BOYS, below);
    [0, 1, 2].map(|at| match below(2) == 0 {
        true => Person { name: girls[at], girl: true },
        false => Person { name: boys[at], girl: false },
    })
}

fn one<T: Copy>(all: &[T], below: &mut dyn FnMut(usize) -> usize) -> T {
    all[below(all.len())]
}

/// Some of all, no two the same.
fn several<T: Copy, const N: usize>(all: &[T], below: &mut dyn FnMut(usize) -> usize) -> [T; N] {
    let mut left = all.to_vec();
    std::array::from_fn(|_| left.swap_remove(below(left.len())))
}
