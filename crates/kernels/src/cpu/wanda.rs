use crate::Dims;

/// weight [R, C], act_sq [C] -> score [R, C]: |weight| * sqrt(act_sq), without `act_sq` |weight|.
pub fn wanda(dims: &Dims, weight: &[f32], score: &mut [f32], act_sq: Option<&[f32]>) {
    for (i, score) in score.iter_mut().enumerate() {
        *score = weight[i].abs();
        if let Some(act_sq) = act_sq {
            *score *= act_sq[i % dims.cols as usize].sqrt();
        }
    }
}
