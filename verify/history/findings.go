package history

import "slices"

// checks look for findings. A file has one, or a few that belong together.
var checks = []func(a *audit) []Finding{
	identicalEvidence, generatorMismatch, judgeMismatch, outputsDiffer,
	impossibleScores, impliedItems, aggregateDiffers, sentinelAveraged, duplicateItems, missingItems, denominatorMixed,
	noModelIdentity, noticed,
	battleFindings,
	variantNotReleased, rowChanged, rowVanished,
}

// Kind is a name that findings have, and what it says. One that disowns says that
// numbers which come out of the results may still not be the row's.
type Kind struct {
	Name, Meaning string
	Disowns       bool
}

// Kinds lists them, those first that say most against a row.
func Kinds() []Kind {
	return []Kind{
		{"identical-evidence", "two rows have the same results, item by item", true},
		{"generator-mismatch", "beside the items stands another model's name than the row's", true},
		{"judge-mismatch", "beside the items stands another judge's name than the table's", true},
		{"outputs-differ", "the answers that were graded are other than those that lie elsewhere under the model's name", true},
		{"edited-scores", "grades were changed after they were given, or items after they were hashed", true},
		{"file-changed", "results are in another file than the one whose checksum is stated", true},
		{"retried-failures", "items were tried again because they had failed", true},
		{"grade-differs", "a grade is another than the answer beside it comes to, or than the file gives elsewhere", false},
		{"impossible-score", "no outcome of the stated number of items gives the published number", false},
		{"implied-n", "a mean and its standard error belong to another number of items than is stated, or to none", false},
		{"aggregate-differs", "a published number does not come out of the results, or of the row's other numbers", false},
		{"sentinel-averaged", "a value that stands for no grade counts as one", false},
		{"duplicate-items", "items are there more than once, and count as often", false},
		{"missing-items", "items have no result, and do not count", false},
		{"denominator-mixed", "numbers that are compared are means over different numbers of items", false},
		{"variant-not-released", "a name says that the row is of a variant, and the model that came later has another score", false},
		{"row-changed", "a number is another in a later version of the table", false},
		{"row-vanished", "a row is not in later versions of the table", false},
		{"no-model-identity", "nothing says which model the results are of", false},
	}
}

// Disowned are the rows, and entries for all tables, whose results may not be theirs.
func (r *Report) Disowned() map[string]bool {
	rows := map[string]bool{}
	for _, f := range r.Findings {
		if i := rank(f.Name); i >= 0 && Kinds()[i].Disowns {
			rows[f.Row] = true
		}
	}
	return rows
}

func rank(name string) int {
	return slices.IndexFunc(Kinds(), func(k Kind) bool { return k.Name == name })
}
