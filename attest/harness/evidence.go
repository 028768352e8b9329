package harness

import "github.com/proctor-attest/proctor/attest"

// File is a file that something was read from.
type File struct {
	Path   string
	SHA256 attest.Hash // of the file as it lies there, compressed or not
	Size   int64
}

// Run is what evaluators keep of one model on one data set: items with their
// outcomes, and the numbers that they made of them. All of it is the file's word.
type Run struct {
	Format, Version string // the harness, and the version of its files as they state it
	Files           []File // what it was read from; Import fills in all but the paths
	Board, Entry    string // the published table that this belongs to, and its row there; "" when the files do not say
	Joined          string // how the row was found where the file does not name it, for a person
	Origin          string // the one submission that rows of several tables show; "" when the files do not say
	Date            string // of the run or of the file, as it states it
	Model           Model
	Judge           string // who graded, as the run or its place says it; "" for rules or when nothing says
	Dataset         Dataset
	Measures        []string // what the values of an item are, in their order: one or more
	Metrics         []Metric // how the numbers come from the items, as the harness computes them
	Items           Items
	Aggregates      []Aggregate
	Names           []Naming
	Notices         []Notice
	Absent          []string // what this format or this file does not say, for a person
}

// Model is how files identify the model that was evaluated.
type Model struct {
	Name     string // as the run calls it
	Revision string // of a repository or an API, as it is written
	Digest   string // of its weights, as it is written
}

// Dataset is how files identify the items.
type Dataset struct {
	Name, Version, Split string
	Items                int    // how many it is said to have; 0 when nothing says so
	ItemsFrom            string // who says so, where it is not the file
}

// What a Naming names.
const (
	OfModel    = "model" // the model that was evaluated
	OfBaseline = "baseline"
	OfJudge    = "judge"
	OfStrategy = "strategy" // how the model was made to act
)

// Naming is a name that stands beside items within a file, whatever the file itself
// is called.
type Naming struct {
	Of     string // OfModel, OfBaseline, OfJudge or OfStrategy
	Member string // where it stands: "generator_2"
	Name   string
	Items  int // how many items it stands beside
}

// Aggregate is a number that a file states of its own items.
type Aggregate struct {
	Metric
	Value string // as written
	Items int    // stated N; 0 when nothing says so
	File  string
	Line  int
}

// Notice is what only the importer can see, such as a score that was edited. Its name
// is a finding's.
type Notice struct {
	Finding string
	Detail  string
	File    string
	Line    int
}

// Table is a published table. Values are as they were written, so that the published
// digits are known.
type Table struct {
	Format, Version string
	File            File
	Board           string // what runs call it too
	Date            string // of this version of the table, as its file, its name or its commit states it
	Commit          string // that made this version, where it comes out of a history
	Items           int    // how many items each row is said to be on; 0 when nothing says so
	ItemsFrom       string // who says so, where it is not the file
	Columns         []Column
	Rows            []TableRow
	Notices         []Notice
}

// Column is one column of a table. It says how its numbers come from items if its
// format fixes that; otherwise the metric of that name of a row's run does.
type Column struct {
	Name      string
	Metric    *Metric
	Low, High string // the columns of its 95 % interval; "" when there are none
}

// StyleControlled ends the name of a board that is the one of the name before it,
// adjusted for the style of answers.
const StyleControlled = ", style control"

// TableRow has a value for each column, "" where there is none.
type TableRow struct {
	Entry  string
	Line   int
	Date   string
	Values []string
}

// Metric is how a published number comes from items.
type Metric struct {
	Name    string
	Rule    Rule
	Measure string  // of the run's measures; "" is the first
	Scale   float64 // what it is multiplied by: 100 for a percentage; 0 is 1
	K       int     // of pass@k and pass^k
	Cut     bool    // published without its decimals, cut off instead of rounded
	Of      string  // the metric that this is the error of
	EitherN bool    // of a standard error: nothing says whether it is with n or n−1
	Why     string  // why it cannot be recomputed, where there is more to say than that the rule or the measure is not there

	// Doubt is why a difference may come from what the file does not say, rather than
	// from the number; "" where the file says it all.
	Doubt string

	// Within is where the file itself says that the number must be; nil where nowhere.
	Within *[2]float64

	// AllDigits says that whoever wrote the number rounds none.
	AllDigits bool

	// OfOne says that the spread of one item is 0, where others say that it has none.
	OfOne bool

	// Steps is how many equal steps the value of an item can take from 0 to 1, and with
	// them which numbers a mean can be at all: 1 where an item is right or wrong, 2
	// where it can be half right, n for n samples that are; 0 where it can be anything
	// or nothing says.
	Steps int
}

// AnyBoard is the board of runs that belong to their entry's row in every table of
// their format: outputs, for instance, that several judges saw.
const AnyBoard = "*"

// Rule is how one number comes from the values of all items. Where an item has
// several samples, their mean is its value, unless the rule says otherwise. Items that
// are excluded or have no value take no part, unless the rule says so.
type Rule string

// The rules that verify/history computes.
const (
	Mean              Rule = "mean"               // of the items' values
	MeanOfStated      Rule = "mean-of-stated"     // their sum over the number of items that the data set is said to have
	MacroMean         Rule = "macro-mean"         // the mean of the groups' means
	MacroTree         Rule = "macro-tree"         // the same where groups lie in others, as in "task/variant": at each level the mean of the level below
	StandardError     Rule = "standard-error"     // of the mean, with n−1
	PooledError       Rule = "pooled-error"       // of the mean over groups, their errors pooled by their sizes
	MacroError        Rule = "macro-error"        // of the mean of the groups' means
	StandardDeviation Rule = "standard-deviation" // of the items' values, with n−1
	Variance          Rule = "variance"           // its square
	SamplesMean       Rule = "samples-mean"       // the mean of the first samples' mean over items, the second samples' and so on
	SamplesVariance   Rule = "samples-variance"   // the variance of these means, with n
	SamplesDeviation  Rule = "samples-deviation"  // its root
	Sum               Rule = "sum"                // of the items' values
	Count             Rule = "count"              // items that have a value
	Wins              Rule = "wins"               // items above one half
	Losses            Rule = "losses"             // items below one half
	Draws             Rule = "draws"              // items at one half
	Decided           Rule = "decided"            // the mean where all above one half counts one, all below it zero
	PassAtK           Rule = "pass@k"             // the mean of 1 − C(n−c,k)/C(n,k)
	PassHatK          Rule = "pass^k"             // the mean of C(c,k)/C(n,k)
	LengthAdjusted    Rule = "length-adjusted"    // AlpacaEval 2's win rate, from its published weights
	LengthError       Rule = "length-error"       // its standard error, from the same
	Rating            Rule = "rating"             // Bradley–Terry's, of battles
	Unknown           Rule = ""                   // nothing says how
)

// Weights are published parameters that a table's numbers are computed with. The
// board is "" when the file does not say whose they are.
type Weights struct {
	Format  string
	File    File
	Board   string
	Columns []string
	Rows    []TableRow
}
