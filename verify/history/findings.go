package history

import "slices"

// checks look for findings. A file has one, or a few that belong together.
var checks = []func(a *audit) []Finding{
	identicalEvidence, generatorMismatch, judgeMismatch, outputsDiffer,
	impossibleScores, impliedItems, aggregateDiffers, sentinelAveraged, duplicateItems, missingItems, denominatorMixed,
	noModelIdentity, noticed,
}

// Kind is a name that findings have, and what it says.
type Kind struct{ Name, Meaning string }

// Kinds lists them, those first that say most against a row.
func Kinds() []Kind {
	return []Kind{
		{"identical-evidence", "two rows have the same results, item by item"},
		{"generator-mismatch", "beside the items stands another model's name than the row's"},
		{"judge-mismatch", "beside the items stands another judge's name than the table's"},
		{"outputs-differ", "the answers that were graded are other than those that lie elsewhere under the model's name"},
		{"edited-scores", "grades were changed after they were given"},
		{"retried-failures", "items were tried again because they had failed"},
		{"impossible-score", "no outcome of the stated number of items gives the published number"},
		{"implied-n", "a mean and its standard error belong to another number of items than is stated, or to none"},
		{"aggregate-differs", "a published number does not come out of the results, or of the row's other numbers"},
		{"sentinel-averaged", "a value that stands for no grade counts as one"},
		{"duplicate-items", "items are there more than once, and count as often"},
		{"missing-items", "items have no result, and do not count"},
		{"denominator-mixed", "numbers that are compared are means over different numbers of items"},
		{"no-model-identity", "nothing says which model the results are of"},
	}
}

func rank(name string) int {
	return slices.IndexFunc(Kinds(), func(k Kind) bool { return k.Name == name })
}
