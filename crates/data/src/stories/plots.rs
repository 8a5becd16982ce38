//! What happens. A plot is a list of beats, a beat a list of ways to tell it.
//!
//! `(a|b)` is either. `{..}` is somebody or something of the [`Cast`](super::cast::Cast): `{hero}`, `{hero.his}`,
//! `{thing}` (`red kite`), `{a thing}`, `{foods}`, `{n foods}` (`three plums`), `{to place}`, `{at place}`, `{spot}`.
//! With a question mark, as in `{hero?}` and `{a? thing}`, a reader can be asked for the word that stands there. So can
//! a listener to `<n:were|was>` or `<g:find|found>`: the first word is right, the second is the wrong number or form.

type Beat = &'static [&'static str];

pub const PLOTS: &[&[Beat]] = &[LOST, SHARED, RESCUED, BAKED, QUARREL, NIGHT, TRADED, HIDDEN, PLANTED];

const LOST: &[Beat] = &[
    &[
        "One (sunny|warm|windy|cold) (morning|day), {hero} went {to place} with {hero.his} {thing}.",
        "{hero} had {a? thing}. {hero.He} liked it very much, and one day {hero.he} took it {to place}.",
        "There was once a (little|kind|clever) {hero.girl} named {hero} who loved {hero.his} {thing}. \
         (One day|One morning) {hero.he} took it {to place}.",
    ],
    &[
        "{hero.He} played (for a long time|all morning|with the other children). Then {hero.he} looked around, and the \
         {thing?} was gone.",
        "{hero.He} put the {thing?} down to (pick some flowers|look at the birds|tie {hero.his?} shoe). When {hero.he} came \
         back, it was not there.",
    ],
    &[
        "{hero} looked and looked, but {hero.he} did not <g:find|found> it. {hero.He} began to <g:cry|cried>.",
        "{hero} was very sad. {hero.He} did not <g:know|knew> where to look.",
    ],
    &[
        "{friend} came by and saw that {hero} was sad. \"What is wrong, {hero?}?\" asked {friend}.",
        "Then {friend} came along. {friend.He} was a good friend. \"Why are you so sad, {hero?}?\" {friend.he} asked.",
    ],
    &[
        "\"I lost my {thing?},\" said {hero}. \"Can you help me?\"",
        "\"I can not <g:find|found> my {thing?},\" said {hero?}.",
    ],
    &[
        "First they looked {spot2}, but there was only {a? thing2}.",
        "They looked {spot2}. There <n:were|was> {n animals?}, but no {thing?}.",
        "\"Let us look together,\" said {friend?}. They looked {spot2}, but it was not there.",
    ],
    &["Then {friend} looked {spot}. There was the {thing?}!", "At last they found it. The {thing?} was {spot}."],
    &[
        "\"Thank you, {friend?}!\" said {hero}. {hero.He} was happy again.",
        "{hero} jumped up and down. \"You found it, {friend?}! Thank you!\"",
    ],
    &[
        "They played together until it was time to <g:go|went> home.",
        "{hero} and {friend?} went home, and {hero} held {hero.his?} {thing?} tight.",
        "From then on, {hero} took good care of {hero.his?} {thing?}.",
    ],
];

const SHARED: &[Beat] = &[
    &[
        "{hero} picked {n foods?} {at place}. {hero.He} put them in a bag and sat down {spot}.",
        "{hero.His} mother gave {hero} {n foods?}. {hero.He} took them {to place} and sat down {spot}.",
        "One day {hero} found {n foods?} {spot}. {hero.He} wanted to <g:eat|ate> them all.",
    ],
    &[
        "The {foods} <n:were|was> (sweet|fresh|big) and looked very good.",
        "All the {foods?} <n:were|was> (ripe|fresh), and {hero} was hungry.",
    ],
    &[
        "Then {friend} came along. {friend.He} was hungry too, but {friend.he} had nothing to <g:eat|ate>.",
        "{friend} sat down next to {hero.him?}. {friend.He} looked at the {foods?}, but {friend.he} did not <g:say|said> a \
         word.",
    ],
    &[
        "\"Are you hungry, {friend?}?\" asked {hero}. \"I have {n foods?}. You can have {k foods?}.\"",
        "\"Would you like {k foods?}, {friend?}?\" asked {hero}.",
    ],
    &[
        "So {hero} gave {friend?} {k foods?}. Now {hero} had {rest foods?}, and {friend} had {k foods?}.",
        "{hero} gave {k foods?} to {friend?} and kept {rest foods?}.",
    ],
    &[
        "\"Thank you, {hero?},\" said {friend}. \"You are very kind.\"",
        "{friend} smiled. \"You are a good friend, {hero?},\" {friend.he} said.",
    ],
    &[
        "{friend} had {a? thing} with {friend.him?}. \"You can play with my {thing?},\" {friend.he} said to {hero?}.",
        "Then {friend} took {a? thing} out of {friend.his?} bag. \"This {thing?} is for you,\" said {friend}.",
    ],
    &[
        "They ate, and then they played with the {thing?} all afternoon.",
        "{hero} liked the {thing?}. {hero} and {friend?} played with it until the sun went down.",
    ],
    &[
        "That night {hero} told {hero.his?} mother about {friend?}. \"It is good to <g:share|shared>,\" {hero.he} said.",
        "{hero} was glad that {hero.he?} had not eaten all the {foods?} alone.",
    ],
];

const RESCUED: &[Beat] = &[
    &[
        "{hero} was walking {at place} when {hero.he} heard a (small|sad|strange) sound.",
        "One (cold|rainy|windy) day, {hero} heard a (small|sad|strange) sound {at place}.",
    ],
    &[
        "It was {a? animal}. The {animal?} was stuck {trap}, and it could not <g:get|got> out.",
        "{hero.He} looked around and saw {a? animal}. The poor {animal?} was stuck {trap}.",
    ],
    &[
        "{hero} tried to <g:help|helped> it, but {hero.he?} was too small.",
        "\"Do not be afraid,\" said {hero?}. {hero.He} pulled and pulled, but it did not <g:help|helped>.",
    ],
    &[
        "So {hero.he} ran to get {friend}. \"Come quickly, {friend?}!\" {hero.he} called. \"There is {a? animal} {trap}!\"",
        "{hero} ran home and told {friend}. \"We must <g:help|helped> the {animal?},\" {hero.he} said.",
    ],
    &[
        "{friend} brought {a? tool}.",
        "\"I know what to <g:do|did>,\" said {friend?}, and {friend.he} took {a? tool} along.",
    ],
    &[
        "With the {tool?} they got the {animal?} out.",
        "{hero} held the {tool?}, and {friend?} pulled. Soon the {animal?} was free.",
    ],
    &[
        "The {animal?} was (wet|cold|tired), but it was safe. {hero} gave it {k foods?} to eat.",
        "They took the {animal?} home and gave it {k foods?}. It ate (all of them|and ate).",
    ],
    &[
        "\"Let us call it {pet},\" said {hero?}. {friend} liked the name {pet?}.",
        "{hero} and {friend?} named the {animal?} {pet}.",
    ],
    &[
        "From that day on, {pet?} followed {hero} and {friend?} everywhere.",
        "Every day after that, {pet?} waited for {hero} and {friend?} by the door.",
        "That night {pet?} slept next to {hero?}, and everybody was happy.",
    ],
];

const BAKED: &[Beat] = &[
    &[
        "Today was {friend}'s birthday. {hero} wanted to <g:make|made> a cake for {friend.him?}.",
        "{hero} woke up early. It was {friend}'s birthday, and {hero} wanted to <g:bake|baked> a cake.",
    ],
    &[
        "For the cake {hero.he} needed {n foods?}, but there was only one {food} in the kitchen.",
        "{hero.He} needed {n foods?} for it, but {hero.he} did not <g:have|had> any.",
    ],
    &[
        "So {hero} went to see {other}. \"Do you have some {foods?}, {other?}?\" {hero.he} asked.",
        "\"Maybe {other} can help me,\" thought {hero}. {hero.He} ran to {other.his} house. \"Do you have {n foods?}, \
         {other?}?\"",
    ],
    &[
        "\"Of course,\" said {other?}. {other.He} gave {hero.him?} {n foods?}.",
        "\"Yes, take as many as you need,\" said {other?}, and {hero} took {n foods?}.",
    ],
    &[
        "{hero} ran home. {hero.His} (mother|father) helped {hero.him?}, and soon the cake <n:was|were> in the oven.",
        "At home {hero} mixed everything in a big bowl. The {foods?} <n:were|was> on top of the cake.",
    ],
    &[
        "In the afternoon {friend} knocked on the door. {friend.He} saw the cake with the {foods?} on it.",
        "Then {friend} came. {friend.His} eyes were big when {friend.he?} saw the cake.",
    ],
    &[
        "\"Happy birthday, {friend?}!\" said {hero}. \"The cake is for you.\"",
        "\"Is that cake for me?\" asked {friend?}. \"Yes!\" said {hero}. \"Happy birthday, {friend?}!\"",
    ],
    &[
        "{other} came too and brought {a? thing}. \"This {thing?} is for you, {friend?},\" {other.he} said.",
        "Then {other} came in with {a? thing}. {other.He} gave the {thing?} to {friend?}.",
    ],
    &[
        "{friend} loved the cake from {hero?} and the {thing?} from {other?}. It was the best birthday of all.",
        "They ate cake and played with the {thing?}. \"Thank you, {hero}! Thank you, {other?}!\" said {friend}.",
    ],
];

const QUARREL: &[Beat] = &[
    &[
        "{hero} and {friend} were playing {at place}. There they saw {a? thing} {spot}.",
        "One day {hero} and {friend} found {a? thing} {spot}.",
    ],
    &[
        "\"It is mine,\" said {hero}. \"No, I saw it first,\" said {friend?}.",
        "\"I want to have the {thing?},\" said {hero}. \"I want to have it too,\" said {friend?}.",
    ],
    &[
        "They both pulled at the {thing?} until it fell into the (mud|water|grass).",
        "{hero} pulled, and {friend?} pulled, and the {thing?} fell down.",
    ],
    &[
        "Now the {thing?} was dirty. {hero} was angry, and {friend?} began to <g:cry|cried>.",
        "Now both children <n:were|was> sad. They did not <g:look|looked> at each other.",
    ],
    &[
        "{other} came along. \"What happened?\" {other.he?} asked.",
        "{other} had seen it all. {other.He} sat down between {hero} and {friend?}.",
    ],
    &[
        "\"We both want the {thing?},\" said {hero}. \"But there is only one.\"",
        "\"{hero} took my {thing?},\" said {friend?}. \"It is not yours,\" said {hero?}.",
    ],
    &[
        "\"You can take turns,\" said {other?}. \"First {hero} can have it, and then {friend?}.\"",
        "{other} thought for a while. \"Why do you not <g:play|played> with it together?\" {other.he?} asked.",
    ],
    &[
        "So they cleaned the {thing?}. {hero} played with it first, and then {hero.he?} gave it to {friend?}.",
        "\"I am sorry, {friend?},\" said {hero}. \"I am sorry too, {hero?},\" said {friend}. They cleaned the {thing?}.",
    ],
    &[
        "Soon {hero} and {friend?} were friends again. They played with the {thing?} every day.",
        "It was much more fun to <g:share|shared> the {thing?}. \"Thank you, {other?},\" said {hero} and {friend?}.",
    ],
];

const NIGHT: &[Beat] = &[
    &[
        "It was late, and {hero} was in bed. {hero.He} heard a strange noise (behind the door|under the bed|at the window).",
        "One night {hero} woke up. There was a strange noise (behind the door|under the bed|at the window).",
    ],
    &["\"Who is there?\" asked {hero?}, but nobody said a word.", "{hero} listened. It did not <g:stop|stopped>."],
    &[
        "{hero} was scared. {hero.He} had {a? thing} next to {hero.his?} bed. {hero.He} held the {thing?} tight.",
        "{hero.He} took {hero.his?} {thing} and hid under the blanket. {hero} and the {thing?} did not <g:move|moved>.",
    ],
    &[
        "Then {hero.he} went to {hero.his?} {friend.brother} {friend}. \"Wake up, {friend?},\" said {hero}. \"I heard a \
         noise.\"",
        "\"{friend}!\" {hero.he} called. {friend} was {hero.his?} {friend.brother}. {friend.He} came at once.",
    ],
    &[
        "{friend} was not scared. {friend.He} took a lamp, and they went to <g:look|looked>.",
        "\"Let us see what it is,\" said {friend?}. {friend.He} turned on the light.",
    ],
    &[
        "It was only {a? animal}! The {animal?} was eating {n foods?}.",
        "There sat {a? animal} with {k foods?}. The {animal?} had come in through the window.",
    ],
    &[
        "{friend} began to <g:laugh|laughed>, and then {hero?} laughed too.",
        "\"It is just {a? animal},\" said {friend?}. \"I am not scared any more,\" said {hero?}.",
    ],
    &[
        "They opened the door, and the {animal?} ran out into the dark.",
        "They gave the {animal?} some water. Then it went away.",
    ],
    &[
        "{hero} went back to bed with {hero.his?} {thing?} and slept until morning.",
        "\"Good night, {friend?},\" said {hero}. \"Good night, {hero?},\" said {friend}.",
    ],
];

const TRADED: &[Beat] = &[
    &[
        "{hero} had {a? thing}, but {hero.he?} wanted {a? thing2}.",
        "{hero} had {a? thing} at home. \"I do not <g:need|needed> it any more,\" {hero.he} thought. \"I want {a? thing2}.\"",
    ],
    &[
        "So {hero.he} took the {thing?} and went {to place}. There {hero.he?} met {friend}.",
        "One day {hero.he} went {to place} with the {thing?}. {friend} was there too.",
    ],
    &[
        "{friend} had {a? thing2} in {friend.his?} hand.",
        "{friend} was playing with {a? thing2}. {hero} liked the {thing2?} very much.",
    ],
    &[
        "\"Will you give me your {thing2?}, {friend?}?\" asked {hero}. \"You can have my {thing?}.\"",
        "\"I will give you my {thing?} for your {thing2?},\" said {hero}.",
    ],
    &[
        "{friend} thought for a while. \"Yes, {hero?},\" {friend.he} said. \"I would like to <g:have|had> it.\"",
        "\"That is a good idea, {hero?},\" said {friend}.",
    ],
    &[
        "So {hero} gave {friend?} the {thing?}, and {friend} gave {hero?} the {thing2?}.",
        "{friend} took the {thing?}, and {hero?} took the {thing2?}. Both children <n:were|was> happy.",
    ],
    &[
        "On the way home {hero} met {other}. \"Where is your {thing?}?\" asked {other?}. \"{friend?} has it now,\" said \
         {hero}.",
        "Then {other} came along. \"That is a nice {thing2},\" {other.he?} said. \"I got it from {friend?},\" said {hero}.",
    ],
    &[
        "At home {hero} showed the {thing2?} to {hero.his?} mother.",
        "{hero} played with the {thing2?} all day, and {friend?} played with the {thing?}.",
    ],
    &[
        "{hero} did not <g:miss|missed> {hero.his?} old {thing.noun?} at all.",
        "The next day {hero} and {friend?} met again, and they played with the {thing?} and the {thing2?} together.",
    ],
];

const HIDDEN: &[Beat] = &[
    &[
        "{hero}, {friend} and {other} wanted to <g:play|played> hide and seek {at place}.",
        "One (warm|sunny) day, three children <n:were|was> {at place}. Their names were {hero}, {friend} and {other}. They \
         played hide and seek.",
    ],
    &[
        "{hero} closed {hero.his?} eyes and counted to ten. {friend} hid {spot}, and {other} hid {spot2}.",
        "{friend} ran away and hid {spot}. {other} hid {spot2}. {hero} counted to ten.",
    ],
    &[
        "\"I am coming!\" called {hero?}.",
        "Then {hero} opened {hero.his?} eyes. {hero.He} did not <g:see|saw> anybody.",
    ],
    &[
        "First {hero.he} looked {spot2}. There was {other?}!",
        "{hero.He} heard a laugh and looked {spot2}. \"I found you, {other?}!\" {hero.he?} said.",
    ],
    &[
        "\"Now help me find {friend?},\" said {hero}.",
        "\"But where is {friend?}?\" asked {hero}. \"I do not <g:know|knew>,\" said {other}.",
    ],
    &[
        "They looked everywhere. They saw {n animals?}, but they did not <g:see|saw> {friend?}.",
        "They walked around. There <n:were|was> {n animals?} and {a? thing}, but no {friend?}.",
    ],
    &[
        "\"Look, {a? animal}!\" said {other?}. The {animal?} sat {spot}, and next to it was {friend?}.",
        "At last they looked {spot}. There was {friend?}, and {friend.he?} laughed.",
    ],
    &[
        "\"That was a very good place, {friend?},\" said {hero}. \"Now it is your turn.\"",
        "\"You are good at this, {friend?},\" said {hero} and {other?}.",
    ],
    &[
        "They played until the sun went down. Then {hero}, {friend} and {other?} walked home.",
        "Soon it was dark, and the three children <n:were|was> tired. They had to <g:go|went> home.",
    ],
];

const PLANTED: &[Beat] = &[
    &[
        "{hero}'s (grandmother|grandfather) gave {hero.him?} {n} seeds. {hero} planted the seeds {at place}.",
        "One day in spring, {hero} planted {n} seeds {at place}. {hero.He} was very proud.",
    ],
    &[
        "{friend} watched. \"What are you doing, {hero?}?\" {friend.he?} asked.",
        "{friend} came to <g:help|helped>. \"What will they be?\" {friend.he?} asked.",
    ],
    &[
        "\"I want to <g:grow|grew> flowers,\" said {hero}. \"They need water every day.\"",
        "\"They will be tall flowers,\" said {hero?}. \"But we must <g:wait|waited>.\"",
    ],
    &[
        "Every morning {hero} took a bucket of water, and {friend?} helped {hero.him?}.",
        "So every day {hero} and {friend?} gave the seeds some water.",
    ],
    &[
        "After a week there <n:were|was> {k} small plants. {hero} showed them to {friend?}.",
        "Soon {hero} saw {k} little green leaves. \"Look, {friend?}!\" {hero.he} said. \"They are growing!\"",
    ],
    &[
        "But one day {a? animal} came and wanted to <g:eat|ate> the plants.",
        "Then {hero} saw {a? animal} next to the plants. The {animal?} was hungry.",
    ],
    &[
        "\"No, no!\" said {hero}. \"You can have {k foods?}, but not my flowers.\" The {animal?} ate the {foods?}.",
        "{friend} had {k foods?} in {friend.his?} bag. {friend.He} gave them to the {animal?}, and it went away.",
    ],
    &[
        "In summer the flowers <n:were|was> as tall as {hero}.",
        "In summer there <n:were|was> {k} flowers, and everybody came to see them.",
    ],
    &[
        "{hero} gave the first flower to {friend?}. \"Thank you for your help, {friend?},\" {hero.he?} said.",
        "\"We did it together,\" said {hero} to {friend?}. {hero} and {friend?} were happy, and so was the {animal?}.",
    ],
];
