//! What is done when somebody asks for it: texts and pictures, made now and again after every cut, and the times of products.

use leptos::prelude::*;
use secateur_protocol::Command;

use crate::budget;
use crate::lanes::Job;
use crate::speed::Shape;
use crate::state::App;

impl App {
    /// Lets both models go on with the text on the controls.
    pub fn write(&self) {
        let asked = self.inputs.writing.with_untracked(|writing| writing.command());
        self.make(Job::Write, Command::Generate(asked));
    }

    /// Puts questions about stories to both models.
    pub fn ask_questions(&self) {
        self.make(Job::Ask, Command::Ask);
    }

    /// Lets both models draw what the controls say.
    pub fn paint(&self) {
        let classes = untrack(|| self.classes());
        let asked = self.inputs.sketch.with_untracked(|sketch| sketch.command(classes));
        self.make(Job::Paint, Command::Draw(asked));
    }

    /// Times the products of `samples` samples with weights of this shape. The slider interrupts it, and it starts again after
    /// a rest.
    pub fn time_products(&self, Shape { outputs, inputs, window, .. }: Shape, samples: u32) {
        let macs = u64::from(samples) * u64::from(inputs) * u64::from(outputs);
        let repeats = budget::products(macs, untrack(|| self.is_emulated()));
        self.make(Job::Products, Command::BenchProducts { samples, inputs, outputs, window, repeats });
    }

    pub(super) fn make(&self, job: Job, command: Command) {
        self.make_room();
        self.desk.update_value(|desk| drop(desk.wishes.insert(job, command.clone())));
        self.ask(job, command);
    }

    /// After a rest: what was asked for once and is not known for the masks that hold now.
    pub(super) fn make_again(&self) {
        for (job, command) in self.desk.with_value(|desk| desk.wishes.clone()) {
            if !self.is_known(job) && !self.is_asked(job) {
                self.ask(job, command);
            }
        }
    }

    /// What failed or was cancelled by hand is not asked for again by itself.
    pub(super) fn forget_wish(&self, job: Option<Job>) {
        if let Some(job) = job {
            self.desk.update_value(|desk| drop(desk.wishes.remove(&job)));
        }
    }
}
