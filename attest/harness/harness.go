// Package harness reads the logs that evaluators already write, item by item, so
// that a run can be committed without being run again: plain JSONL,
// lm-evaluation-harness 0.4
// (https://github.com/EleutherAI/lm-evaluation-harness), and Inspect
// (https://inspect.aisi.org.uk/eval-logs.html).
//
// It promises that what it yields is what the log says. Committed bytes are
// canonical JSON of the logged value, grades are the decimals that were written,
// and a log that contradicts itself is refused: hashes over items that do not
// come out, items that are missing or there twice, an aggregate that is not the
// mean of its items. A value that is needed and absent, null or NaN is an error
// that names file, line and member.
//
// It leaves to its caller which item of a test set a row belongs to, whether the
// rows are all of them, and what the log does not say. A log is its author's
// word: that the answers came from the model is for others to show. Nothing in a
// log is ever executed, and output of a model is only ever copied.
//
// A row of plain JSONL needs no more than a key, a response and a grade, and says
// where they are (see Paths):
//
//	{"id":"q-1","out":{"text":"42"},"correct":true}
package harness

import (
	"encoding/json"
	"errors"
)

// Row is one sample of one item, ready to be matched and committed. The caller
// owns its slices.
type Row struct {
	Where    string // "file:line" or "file:part", for messages
	Key      string // canonical JSON of the item's key, a string or an integer; "" when the log has none
	Sample   uint32
	Response []byte // canonical JSON; nil when there is none, which needs an excluded grade
	Trace    []byte // canonical JSON; nil when there is none
	Grade    string // a decimal or "excluded:" and a reason
	Doc      []byte // the item as the log shows it, for matching by content: canonical JSON when it has such a form, else as logged
}

// Log is what a harness says of one task, metric and filter. Except for what
// Rows checks, all of it is the log's word.
type Log struct {
	Format, Version string // the harness and its version
	Task            string
	Metric, Filter  string // for Inspect the filter is the scorer
	Aggregation     string // "mean"; how the samples of an item were reduced before the mean ("pass_at_2"); or "" when the log does not say
	Aggregate       string // the published score, spelled as in the log
	HigherIsBetter  *bool  // nil when the log does not say
	Original        uint64 // items that the task has
	Effective       uint64 // items that were run: fewer than Original under a limit
	// Config holds what the log says of the run's configuration, canonical JSON by
	// the name of the configuration's member. Members that the log is silent about
	// are absent.
	Config map[string]json.RawMessage

	// Notes are sentences for a person about what was done to the run or to the log:
	// edited scores, samples that a limit ended, and the like. Those about samples are
	// there once Rows has returned nil. Foreign text in them is quoted.
	Notes []string

	rows func(yield func(Row) error) error
}

// Rows calls yield for every row in the order logged and checks the log as it
// goes. What was yielded stands only once Rows has returned nil: that items are
// missing or that the aggregate is false shows at the end. It stops at the first
// error, its own or yield's, and may be called again.
func (l *Log) Rows(yield func(Row) error) error {
	if l.rows == nil {
		return errors.New("log was not opened")
	}
	return l.rows(yield)
}
