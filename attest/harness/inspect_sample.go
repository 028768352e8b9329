package harness

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// inspectSample is one epoch of one item.
type inspectSample struct {
	member map[string]foreign
	id     string // as Inspect spells it
	key    string // canonical JSON
	epoch  uint64
}

func parseInspectSample(f foreign) (*inspectSample, error) {
	if !f.isObject() {
		return nil, errors.New("sample is not a JSON object")
	}
	s := &inspectSample{member: fields(f)}
	var err error
	if s.key, err = rowKey(s.member["id"]); err != nil {
		return nil, fmt.Errorf("id %w", err)
	}
	if s.id, err = inspectID(s.member["id"]); err != nil {
		return nil, err
	}
	epoch := s.member["epoch"]
	if s.epoch, err = strconv.ParseUint(string(epoch), 10, 31); err != nil || s.epoch == 0 {
		return nil, fmt.Errorf("sample %s: epoch is %s, want a number from 1", quoteID(s.id), epoch.describe())
	}
	return s, nil
}

// String is how errors and notes call a sample.
func (s *inspectSample) String() string {
	return fmt.Sprintf("sample %s epoch %d", quoteID(s.id), s.epoch)
}

// quoteID leaves what is no more than a number or a plain word as it is.
func quoteID(id string) string {
	if q := quote(id); q != `"`+id+`"` || strings.ContainsAny(id, " ,:") || id == "" {
		return q
	}
	return id
}

func (s *inspectSample) checkValid() error {
	v := s.member["invalidation"]
	if v == nil || v.isNull() {
		return nil
	}
	return fmt.Errorf("%s was invalidated, %s", s, lastBy(foreign(`{"provenance":`+string(v)+`}`)))
}

// rows yields the rows of a log and checks all of them. It returns what is to be
// told of them.
func (run *inspectRun) rows(log *Log, yield func(Row) error) ([]string, error) {
	seen := map[string]map[uint64]bool{}
	var grades inspectGrades
	var told inspectNotes
	n, unharmed, scored := uint64(0), uint64(0), uint64(0)
	err := run.file.each(func(where string, f foreign) error {
		s, err := parseInspectSample(f)
		if err != nil {
			return err
		}
		if err := run.place(s, seen); err != nil {
			return err
		}
		if err := s.checkValid(); err != nil {
			return err
		}
		n++
		if s.failure() == "" {
			unharmed++
		}
		if len(s.member["scores"].members()) > 0 {
			scored++
		}
		row, word, err := run.row(s, &told)
		if err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
		if row == nil {
			return nil
		}
		row.Where = where
		value, err := attest.ParseDecimal(row.Grade)
		if err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
		grades.add(s.id, inspectGrade{epoch: s.epoch, word: word, value: value})
		return yield(*row)
	})
	if err != nil {
		return nil, err
	}
	err = run.checkCounts(seen, n)
	// Of a sample that failed and was scored all the same, versions of Inspect
	// differ on whether it is a completed one.
	if err == nil && run.completed != unharmed && run.completed != scored {
		err = fmt.Errorf("results.completed_samples is %d, and the log has %d samples without an error", run.completed, unharmed)
	}
	if err == nil {
		err = grades.check(run, log)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", run.file.name, err)
	}
	return told.sentences(), nil
}

// place refuses a sample that the run was not to have, or has already.
func (run *inspectRun) place(s *inspectSample, seen map[string]map[uint64]bool) error {
	switch {
	case s.epoch > run.epochs:
		return fmt.Errorf("%s is outside a run of %d epochs", s, run.epochs)
	case run.ids != nil && !run.ids[s.id]:
		return fmt.Errorf("%s is not in eval.dataset.sample_ids", s)
	case seen[s.id][s.epoch]:
		return fmt.Errorf("%s is there twice", s)
	case seen[s.id] == nil:
		seen[s.id] = map[uint64]bool{}
	}
	seen[s.id][s.epoch] = true
	return nil
}

// checkCounts refuses a log that lacks samples, other than those that early
// stopping is said to have left out. None is there twice or beyond the plan, so
// that a complete log has each.
func (run *inspectRun) checkCounts(seen map[string]map[uint64]bool, n uint64) error {
	for _, stop := range run.stopped {
		s, err := parseInspectSample(stop)
		if err != nil {
			return fmt.Errorf("early stopping: %w", err)
		}
		if err := run.place(s, seen); err != nil {
			return fmt.Errorf("early stopping: %w", err)
		}
	}
	stops := uint64(len(run.stopped))
	if n+stops == run.planned {
		return nil
	}
	var missing []string
	for _, id := range slices.Sorted(maps.Keys(run.ids)) {
		if uint64(len(seen[id])) != run.epochs {
			missing = append(missing, quoteID(id))
		}
	}
	err := fmt.Errorf("got %d samples, want %d", n, run.planned-min(run.planned, stops))
	if len(missing) > 0 {
		err = fmt.Errorf("%w: not all epochs are there of %s", err, some(missing))
	}
	return err
}

// row makes the row of a sample, and the word that it was graded with. It returns
// no row for a sample without a grade whose item is excluded.
func (run *inspectRun) row(s *inspectSample, told *inspectNotes) (*Row, string, error) {
	score := run.score.in(s)
	value, reason, err := run.score.valueOf(score)
	if err != nil {
		return nil, "", err
	}
	if reason != "" {
		if failure := s.failure(); failure != "" {
			reason += ": it " + failure
		}
		if !slices.Contains(run.exclude, s.key) {
			return nil, "", fmt.Errorf("%s (exclude its item by name, or grade it)", reason)
		}
		told.add("%s %s, and was left out", s, reason)
		return nil, "", nil
	}
	grade, err := inspectDecimal(value)
	if err != nil {
		return nil, "", fmt.Errorf("score of %s %w", quoteID(run.score.scorer), err)
	}
	if err := told.edits(s, score); err != nil {
		return nil, "", fmt.Errorf("score of %s: %w", quoteID(run.score.scorer), err)
	}
	told.sample(s)
	row := &Row{Key: s.key, Sample: uint32(s.epoch - 1), Grade: grade}
	if row.Response, err = s.response(); err != nil {
		return nil, "", fmt.Errorf("output: %w", err)
	}
	if row.Trace, err = s.trace(); err != nil {
		return nil, "", fmt.Errorf("messages: %w", err)
	}
	if row.Doc, err = s.doc(); err != nil {
		return nil, "", err
	}
	word := grade
	if value.isString() {
		word = string(value)
	}
	return row, word, nil
}

// in finds what the scorer said of a sample, nil if nothing.
func (score *inspectScore) in(s *inspectSample) foreign {
	v := s.member["scores"].get(score.scorer)
	if v.isNull() {
		return nil
	}
	return v
}

// valueOf returns the value that a score has for the published number, or the
// reason why it has none. NaN is how Inspect says that there is none.
func (score *inspectScore) valueOf(v foreign) (value foreign, reason string, err error) {
	if v == nil {
		return nil, "has no score by " + quoteID(score.scorer), nil
	}
	value = v.get("value")
	switch {
	case string(value) == "NaN":
	case value.isObject() && value.get(score.name) != nil:
		value = value.get(score.name)
	case score.name != score.scorer:
		return nil, "", fmt.Errorf("score of %s is %s, want an object with a grade %s", quoteID(score.scorer), value.describe(), quote(score.name))
	}
	if string(value) != "NaN" {
		return value, "", nil
	}
	reason = "was not scored by " + quoteID(score.scorer)
	why, _ := v.get("reason").text()
	if why == "" {
		why, _ = v.get("metadata", "unscored_reason").text()
	}
	if why != "" {
		reason += " (" + quote(why) + ")"
	}
	return nil, reason, nil
}

// failure says what kept a sample from its end, "" if nothing.
func (s *inspectSample) failure() string {
	if v := s.member["error"]; v != nil && !v.isNull() {
		message, _ := v.get("message").text()
		return "ended in an error, " + quote(message)
	}
	return ""
}

// limit is the name of the limit that ended a sample, "" if none did.
func (s *inspectSample) limit() string {
	name, _ := s.member["limit"].get("type").text()
	return name
}

// response is the text that was graded, or the content of the message when it
// has none: an image, say.
func (s *inspectSample) response() ([]byte, error) {
	output := s.member["output"]
	completion := output.get("completion")
	if text, ok := completion.text(); ok && text != "" {
		return completion.canonical()
	}
	if content := output.get("choices", "0", "message", "content"); content != nil && !content.isNull() {
		return content.canonical()
	}
	if !completion.isString() {
		return nil, fmt.Errorf("completion is %s, want a text", completion.describe())
	}
	return completion.canonical() // no model was asked, or it only called tools
}

// trace is the conversation, nil when there was none.
func (s *inspectSample) trace() ([]byte, error) {
	messages := s.member["messages"]
	if messages == nil || messages.isNull() || len(messages.elements()) == 0 && messages.isArray() {
		return nil, nil
	}
	whole, err := s.withAttachments(messages)
	if err != nil {
		return nil, err
	}
	return whole.canonical()
}

// doc is the item as the sample shows it, in Inspect's names.
func (s *inspectSample) doc() ([]byte, error) {
	doc := []byte{'{'}
	for _, name := range []string{"id", "input", "choices", "target"} {
		v, err := s.withAttachments(s.member[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if v != nil && !v.isNull() {
			if len(doc) > 1 {
				doc = append(doc, ',')
			}
			doc = append(fmt.Appendf(doc, "%q:", name), v...)
		}
	}
	return foreign(append(doc, '}')).canonicalOrRaw(), nil
}

const attachmentPrefix = `"attachment://`

// withAttachments puts texts and images that Inspect filed apart back to where
// they were. A reference to nothing is left alone: it may be what a model wrote.
func (s *inspectSample) withAttachments(f foreign) (foreign, error) {
	if !bytes.Contains(f, []byte(attachmentPrefix)) {
		return f, nil
	}
	filed := fields(s.member["attachments"])
	var out []byte
	for tok, rest := token(f); tok != nil; tok, rest = token(rest) {
		if hash, ok := bytes.CutPrefix(tok, []byte(attachmentPrefix)); ok {
			// The name of a member is no reference.
			if next, _ := token(rest); len(next) == 0 || next[0] != ':' {
				if content := filed[string(hash[:len(hash)-1])]; content.isString() {
					tok = content
				}
			}
		}
		// Without a limit, a small sample could refer to a large text very often.
		if len(out)+len(tok) > MaxInspect {
			return nil, fmt.Errorf("larger than %d bytes with its attachments", int64(MaxInspect))
		}
		out = append(out, tok...)
	}
	return out, nil
}
