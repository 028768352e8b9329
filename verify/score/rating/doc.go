// Package rating computes ratings from battles, in which one of two competitors wins
// or neither does: Bradley–Terry, with intervals and with covariates for style, and
// online Elo. It follows the two programs behind LMArena's tables, FastChat and
// arena-rank, so that a table can be recomputed from a log of its battles.
//
// In Bradley–Terry (Biometrika 39, 1952) competitor a beats b with probability
// 1/(1+exp(r_b−r_a)), and a tie counts half a win for each. Ratings are printed as
// 1000 + 400/ln 10 · r, so that 400 points are ten to one, with r averaging 0 over the
// competitors or shifted to give one of them a known rating.
package rating
