// Package stat holds the statistics with which published scores are audited:
// intervals and standard errors, paired differences, whether a figure is possible at
// all for so many items, and what choosing the best of several tries is worth.
//
// Functions take counts and plain slices and say in an error why there is no answer;
// they return no NaN. What can be decided in whole numbers (Grid, ImpliedItems,
// Missing, Tree) is decided in exact rationals, and starts from the figure as it was
// printed; the rest is in float64, tested against SciPy and statsmodels.
//
// Nothing here says why a figure is as it is. A score that no number of right answers
// gives is a fact about a table: it can come from a typing error, another number of
// items or another rounding.
package stat
