//! Who and what the stories are about. Where `a` or `an` is meant is seen from the first letter of every word here.

/// Somebody with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person {
    pub name: &'static str,
    pub girl: bool,
}

/// One and several of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noun {
    pub one: &'static str,
    pub many: &'static str,
}

/// Where to go, and being there: `to the park`, `in the park`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub to: &'static str,
    pub at: &'static str,
}

pub const GIRLS: &[&str] = &[
    "Lily", "Mia", "Anna", "Emma", "Ruby", "Rosa", "Zoe", "Nora", "Ella", "Ivy", "Lucy", "Sara", "Amy", "Kate", "Jane",
    "Eva",
];
pub const BOYS: &[&str] = &[
    "Tom", "Ben", "Sam", "Max", "Leo", "Jack", "Tim", "Finn", "Noah", "Oscar", "Adam", "Paul", "Hugo", "Dan", "Theo",
    "Luke",
];
pub const PETS: &[&str] = &["Pip", "Dot", "Coco", "Rex", "Pepper", "Sunny", "Muffin", "Spot"];

/// How a thing looks.
pub const LOOKS: &[&str] = &[
    "red", "blue", "green", "yellow", "orange", "white", "black", "brown", "pink", "old", "new", "big", "small",
    "shiny",
];

/// Lists nouns: one, several.
macro_rules! nouns {
    ($($one:literal $many:literal),* $(,)?) => { &[$(Noun { one: $one, many: $many }),*] };
}

pub const THINGS: &[Noun] = nouns![
    "ball" "balls", "kite" "kites", "drum" "drums", "book" "books", "hat" "hats", "boat" "boats", "doll" "dolls",
    "box" "boxes", "key" "keys", "bell" "bells", "cup" "cups", "lamp" "lamps", "umbrella" "umbrellas", "car" "cars",
    "train" "trains", "ring" "rings", "basket" "baskets", "coat" "coats", "flute" "flutes", "map" "maps",
    "shell" "shells", "feather" "feathers", "bag" "bags", "whistle" "whistles",
];
pub const FOODS: &[Noun] = nouns![
    "apple" "apples", "cookie" "cookies", "berry" "berries", "carrot" "carrots", "egg" "eggs", "pear" "pears",
    "plum" "plums", "nut" "nuts", "bun" "buns", "peach" "peaches", "cherry" "cherries", "banana" "bananas",
];
pub const ANIMALS: &[Noun] = nouns![
    "dog" "dogs", "cat" "cats", "rabbit" "rabbits", "duck" "ducks", "fox" "foxes", "mouse" "mice", "goose" "geese",
    "owl" "owls", "frog" "frogs", "hen" "hens", "pony" "ponies", "goat" "goats", "bird" "birds", "squirrel" "squirrels",
    "otter" "otters", "turtle" "turtles",
];
pub const TOOLS: &[Noun] = nouns![
    "rope" "ropes", "ladder" "ladders", "blanket" "blankets", "bucket" "buckets", "spade" "spades", "stick" "sticks",
];

pub const PLACES: &[Place] = &[
    Place { to: "to the park", at: "in the park" },
    Place { to: "to the garden", at: "in the garden" },
    Place { to: "to the forest", at: "in the forest" },
    Place { to: "to the beach", at: "at the beach" },
    Place { to: "to the river", at: "by the river" },
    Place { to: "to the farm", at: "on the farm" },
    Place { to: "to the market", at: "at the market" },
    Place { to: "to the lake", at: "by the lake" },
    Place { to: "up the hill", at: "on the hill" },
    Place { to: "to the meadow", at: "in the meadow" },
];
pub const SPOTS: &[&str] = &[
    "under the tree",
    "behind the rock",
    "in the tall grass",
    "under the bench",
    "behind the wall",
    "near the gate",
    "behind the shed",
    "next to the well",
];
pub const TRAPS: &[&str] =
    &["in the mud", "in a deep hole", "under a heavy branch", "between two rocks", "behind the fence"];

/// Numbers in words.
pub const NUMBERS: &[&str] = &["zero", "one", "two", "three", "four", "five", "six", "seven", "eight"];
