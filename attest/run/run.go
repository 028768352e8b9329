// Package run makes and reads the outcome of an evaluation run: the salted
// commitments to what the model answered, the tree over its graded leaves, the
// rows that a verifier rebuilds it from, and the configuration that a
// registration binds (PROTOCOL §4 and §5). How grades become a score is package
// verify/score's business.
package run

import (
	"cmp"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// Fields that a result leaf commits to.
const (
	FieldResponse = "response"
	FieldTrace    = "trace"
)

const excludedPrefix = "excluded:"

var reasonForm = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// Row is one leaf of a result: the commitments and the grade of one sample of
// one item. A zero commitment stands for nothing committed.
type Row struct {
	Item     uint64
	Sample   uint32
	Response attest.Hash
	Trace    attest.Hash
	Grade    string // a decimal, or excluded:<reason>
}

// Excluded returns the reason of an excluded row.
func (r Row) Excluded() (reason string, ok bool) {
	return strings.CutPrefix(r.Grade, excludedPrefix)
}

// Leaf is the leaf hash of PROTOCOL §5; item is the leaf hash of the item in the
// registered test set.
func (r Row) Leaf(runID, item attest.Hash) attest.Hash {
	buf := attest.AppendTag(make([]byte, 0, 256), "result")
	buf = append(buf, runID[:]...)
	buf = binary.BigEndian.AppendUint64(buf, r.Item)
	buf = binary.BigEndian.AppendUint32(buf, r.Sample)
	buf = append(buf, item[:]...)
	buf = append(buf, r.Response[:]...)
	buf = append(buf, r.Trace[:]...)
	return attest.LeafHash(attest.AppendLP(buf, r.Grade))
}

// Secret is K_run: it opens what a result commits to, leaf by leaf.
type Secret attest.Hash

// Salt is the salt of one field of one leaf.
func (k Secret) Salt(runID attest.Hash, item uint64, sample uint32, field string) (attest.Hash, error) {
	info := attest.AppendTag(nil, "result-salt")
	info = binary.BigEndian.AppendUint64(info, item)
	info = binary.BigEndian.AppendUint32(info, sample)
	info = attest.AppendLP(info, field)
	salt, err := hkdf.Key(sha256.New, k[:], runID[:], string(info), sha256.Size)
	if err != nil {
		return attest.Hash{}, fmt.Errorf("deriving result salt: %w", err)
	}
	return attest.Hash(salt), nil
}

// Commit commits to a field's canonical JSON; to nothing where value is nil.
func (k Secret) Commit(runID attest.Hash, item uint64, sample uint32, field string, value []byte) (attest.Hash, error) {
	if value == nil {
		return attest.Hash{}, nil
	}
	salt, err := k.Salt(runID, item, sample, field)
	if err != nil {
		return attest.Hash{}, err
	}
	return attest.CommitField(salt, field, value), nil
}

// Root is the root over the rows' leaves, in their order. The skeleton holds the
// leaf hashes of the test set by index.
func Root(runID attest.Hash, rows []Row, skeleton []attest.Hash) (attest.Hash, error) {
	for i := range rows {
		if rows[i].Item >= uint64(len(skeleton)) {
			return attest.Hash{}, fmt.Errorf("row %d: item %d is outside a test set of %d", i, rows[i].Item, len(skeleton))
		}
	}
	return attest.RootOf(uint64(len(rows)), func(i uint64) attest.Hash {
		return rows[i].Leaf(runID, skeleton[rows[i].Item])
	}), nil
}

// CheckGradeForm reports whether g is a decimal or a well-formed exclusion.
func CheckGradeForm(g string) error {
	if reason, ok := strings.CutPrefix(g, excludedPrefix); ok {
		if !reasonForm.MatchString(reason) {
			return fmt.Errorf("exclusion reason %q: want 1 to 32 of a-z, 0-9 and -", reason)
		}
		return nil
	}
	return attest.CheckDecimal(g)
}

// CheckGrade reports whether a row's grade is one that the metric has or its
// exclusion is one that the configuration allows, and whether a response is there
// exactly when the row is not excluded for want of one (PROTOCOL §5: a leaf
// without response is excluded).
func CheckGrade(r Row, metric attest.Metric, allowed []string) error {
	_, err := CheckGrades([]Row{r}, metric, allowed)
	return err
}

// CheckGrades is CheckGrade of every row; an error comes with the first row that it is
// of.
func CheckGrades(rows []Row, metric attest.Metric, allowed []string) (row int, err error) {
	_, _, noRange := Range(metric)
	for i := range rows {
		r := &rows[i]
		if reason, ok := r.Excluded(); ok {
			if !slices.Contains(allowed, reason) {
				return i, fmt.Errorf("exclusion reason %q is not among those registered: %s", reason, strings.Join(allowed, ", "))
			}
			continue
		}
		if r.Response.IsZero() {
			return i, errors.New("graded without a response: a leaf without response is excluded")
		}
		if err := cmp.Or(attest.CheckDecimal(r.Grade), noRange); err != nil {
			return i, err
		}
		if attest.CompareDecimals(r.Grade, metric.Min) < 0 || attest.CompareDecimals(r.Grade, metric.Max) > 0 {
			return i, fmt.Errorf("grade %s is outside the metric's range [%s, %s]", r.Grade, metric.Min, metric.Max)
		}
		if metric.Binary() && r.Grade != metric.Min && r.Grade != metric.Max {
			return i, fmt.Errorf("grade %s: a sample of %s passes with %s or fails with %s", r.Grade, metric.Name, metric.Max, metric.Min)
		}
	}
	return 0, nil
}

// Range parses the metric's range; min must be below max.
func Range(m attest.Metric) (lo, hi *big.Rat, err error) {
	if lo, err = attest.ParseDecimal(m.Min); err != nil {
		return nil, nil, fmt.Errorf("metric minimum: %w", err)
	}
	if hi, err = attest.ParseDecimal(m.Max); err != nil {
		return nil, nil, fmt.Errorf("metric maximum: %w", err)
	}
	if lo.Cmp(hi) >= 0 {
		return nil, nil, fmt.Errorf("metric range [%s, %s] is empty", m.Min, m.Max)
	}
	return lo, hi, nil
}

// CheckItems reports whether rows are exactly the samples 0…samples−1 of exactly
// the given items, in (item, sample) order. The error names the first row that
// is missing, extra or out of place.
func CheckItems(rows []Row, items []uint64, samples uint32) error {
	at := 0
	for _, item := range items {
		for s := range samples {
			if at == len(rows) {
				return fmt.Errorf("item %d sample %d is missing", item, s)
			}
			if r := rows[at]; r.Item != item || r.Sample != s {
				if r.Item > item || r.Item == item && r.Sample > s {
					return fmt.Errorf("row %d is item %d sample %d: item %d sample %d is missing", at, r.Item, r.Sample, item, s)
				}
				return fmt.Errorf("row %d, item %d sample %d, is not part of the registered items and samples", at, r.Item, r.Sample)
			}
			at++
		}
	}
	if at < len(rows) {
		return fmt.Errorf("row %d, item %d sample %d, is not part of the registered items and samples", at, rows[at].Item, rows[at].Sample)
	}
	return nil
}
