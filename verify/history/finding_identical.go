package history

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest/harness"
)

// identicalEvidence finds rows whose results are the same, item by item, as another
// row's, or whose answers nearly all are.
func identicalEvidence(a *audit) []Finding {
	groups := map[[32]byte][]*harness.Run{}
	var order [][32]byte
	for _, r := range a.in.Runs {
		if r.Entry == "" || bits(r)+outputBits(r) < tellingBits {
			continue
		}
		d := evidence(r)
		if groups[d] == nil {
			order = append(order, d)
		}
		groups[d] = append(groups[d], r)
	}
	found := findingSet{}
	for _, d := range order {
		group := groups[d]
		owner := ownerOf(group)
		for _, r := range group {
			others := rowsOtherThan(group, r)
			if len(others) == 0 || owner != nil && rowOf(r) == rowOf(owner) {
				continue
			}
			found.add(Finding{
				Name: "identical-evidence", Row: rowOf(r), Files: places(group...),
				Detail: fmt.Sprintf("the results of all %d items are those of %s", r.Items.Len(), strings.Join(others, ", ")),
			})
		}
	}
	a.sameAnswers(&found)
	return found.list()
}

// sameAnswers finds models that gave nearly all the answers that another one gave.
func (a *audit) sameAnswers(found *findingSet) {
	for _, r := range a.in.Runs {
		answers, different := a.owners.answers(r)
		if answers < 20 || 2*different < answers { // letters and numbers are the same by chance
			continue
		}
		whose, n := a.owners.most(r)
		if whose == "" || 10*n < 9*answers || found.has("identical-evidence", rowOf(r)) {
			continue
		}
		files, theirs := places(r), false
		for _, o := range a.byEntry[whose] {
			if d := compareOutputs(r, o); o.Format == r.Format && d.shown && 10*d.differ <= d.both {
				files = append(files, places(o)...)
				theirs = theirs || len(othersNamed(o, harness.OfModel, whose)) == 0
			}
		}
		if !theirs && len(r.Names) > 0 && len(othersNamed(r, harness.OfModel, r.Entry)) == 0 {
			continue // the names beside the items say whose they are
		}
		found.add(Finding{
			Name: "identical-evidence", Row: rowOf(r), Files: dedupe(files),
			Detail: fmt.Sprintf("%d of %d answers are, to the letter, those of %q", n, answers, whose),
		})
	}
}

// tellingBits is how much there must be to tell two sets of results apart: results
// that are all zero are the same for good reasons.
const tellingBits = 64

// bits is how much the outcomes of a run say, if its items are drawn alike.
func bits(r *harness.Run) float64 {
	counts := map[float64]int{}
	n := 0
	for i := range r.Items.Len() {
		if x, ok := itemValue(r, i, 0); ok {
			n++
			if counts[x]++; len(counts) > 256 {
				break // more than can be by chance
			}
		}
	}
	var total float64
	for _, c := range counts {
		total += float64(c) * math.Log2(float64(n)/float64(c))
	}
	return total
}

// outputBits is the same for answers, where they are more than letters and numbers:
// half of them are different.
func outputBits(r *harness.Run) float64 {
	if !r.Items.ShowOutputs() {
		return 0
	}
	seen := map[harness.Digest]bool{}
	n := 0
	for _, it := range r.Items.All() {
		if it.Output == (harness.Digest{}) {
			continue
		}
		n++
		if seen[it.Output] = true; len(seen) > 256 {
			break
		}
	}
	if 2*len(seen) < n {
		return 0
	}
	return 16 * float64(len(seen))
}

// evidence is a digest of all that a run says of its items, however it is written
// down and in whatever order.
func evidence(r *harness.Run) [32]byte {
	items := make([][16]byte, 0, r.Items.Len())
	var buf []byte
	for _, it := range r.Items.All() {
		buf = append(buf[:0], it.ID...)
		buf = append(buf, 0)
		for _, v := range it.Values {
			if math.IsNaN(v) {
				v = harness.NoValue
			}
			buf = binary.BigEndian.AppendUint64(buf, math.Float64bits(v))
		}
		buf = append(buf, it.Excluded...)
		buf = append(buf, 0)
		buf = append(buf, it.Output[:]...)
		sum := sha256.Sum256(buf)
		items = append(items, [16]byte(sum[:]))
	}
	slices.SortFunc(items, func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
	h := sha256.New()
	fmt.Fprintf(h, "%q %q\n", r.Format, r.Measures)
	for _, it := range items {
		h.Write(it[:])
	}
	return [32]byte(h.Sum(nil))
}

// ownerOf is the run of a group that its file's names say it is of, nil if they say
// that of none or of several.
func ownerOf(group []*harness.Run) *harness.Run {
	var owner *harness.Run
	for _, r := range group {
		if len(othersNamed(r, harness.OfModel, r.Entry)) > 0 || r.Judge != "" && len(othersNamed(r, harness.OfJudge, r.Judge)) > 0 {
			continue
		}
		if owner != nil && rowOf(owner) != rowOf(r) {
			return nil
		}
		owner = r
	}
	return owner
}

// rowsOtherThan are the other rows of a group. That a model gave the same answers in two
// tables is as it should be: there the outcomes alone must tell.
func rowsOtherThan(group []*harness.Run, r *harness.Run) []string {
	var rows []string
	for _, other := range group {
		if rowOf(other) != rowOf(r) && !sameSubmission(r, other) && (other.Entry != r.Entry || bits(r) >= tellingBits) {
			rows = append(rows, rowOf(other))
		}
	}
	slices.Sort(rows)
	return slices.Compact(rows)
}

// sameSubmission reports whether two tables say that they show one submission: its
// results are the same because they are one.
func sameSubmission(a, b *harness.Run) bool {
	return a.Origin != "" && a.Origin == b.Origin && a.Format == b.Format && a.Board != b.Board
}

// rowOf is what findings call a run.
func rowOf(r *harness.Run) string {
	if r.Board == harness.AnyBoard {
		return cmp.Or(r.Entry, r.Files[0].Path)
	}
	return cmp.Or(rowName(r.Board, r.Entry), r.Files[0].Path)
}

// findingSet keeps one finding for what is found in several files.
type findingSet struct {
	all []Finding
	at  map[[3]string]int
}

func (s *findingSet) add(f Finding) {
	k := [3]string{f.Name, f.Row, f.Detail}
	if i, ok := s.at[k]; ok {
		s.all[i].Files = dedupe(append(s.all[i].Files, f.Files...))
		return
	}
	if s.at == nil {
		s.at = map[[3]string]int{}
	}
	s.at[k] = len(s.all)
	s.all = append(s.all, f)
}

func (s *findingSet) has(name, row string) bool {
	return slices.ContainsFunc(s.all, func(f Finding) bool { return f.Name == name && f.Row == row })
}

func (s *findingSet) list() []Finding { return s.all }
