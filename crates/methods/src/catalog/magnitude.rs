use secateur_protocol::{Card, Filing};

use crate::parts::{Criterion, OneShot, fields};

pub static METHOD: OneShot = OneShot { criterion: |_| Ok(Criterion::magnitude()), card };

fn card() -> Card {
    Card {
        id: "magnitude".into(),
        name: "Magnitude".into(),
        paper: "Learning both Weights and Connections for Efficient Neural Networks".into(),
        authors: "Song Han, Jeff Pool, John Tran, William J. Dally".into(),
        year: 2015,
        arxiv: "1506.02626".into(),
        sentence: "Removes the weights closest to zero, because they change the least in every sum they take part in."
            .into(),
        when: "The first thing to try and the baseline to beat: no data, seconds. At high sparsities take allocation = global or \
               lamp, and retrain."
            .into(),
        formula: "score(w) = |w|".into(),
        differs: "Codes that cut at a threshold (Global MP, 2209.14624; the language model scripts of Wanda) drop one \
                  weight more or less than asked, and all ties; here exactly k go, ties to the lower index. \"global\" \
                  with a floor is Global MP's minimum threshold: its rounds of rescaling are solved for where they \
                  end, a layer of exactly the floor's size stays dense, and the counts add up to the asked-for \
                  total. \"lamp\" is 2010.07611, with sums in double precision. Retraining between cuts is left to you."
            .into(),
        needs: Vec::new(),
        filing: Filing {
            unit: "W,N:M,block,N,C/F,H,B,L".into(),
            recovery: "fine-tune".into(),
            family: "CNN,ViT,LM".into(),
            ..Filing::plain()
        },
        fields: fields::cut("uniform"),
    }
}
