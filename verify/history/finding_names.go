package history

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest/harness"
)

// generatorMismatch finds results that name another model than the row that they lie
// in the place of.
func generatorMismatch(a *audit) []Finding {
	found := findingSet{}
	for _, r := range a.in.Runs {
		others := othersNamed(r, harness.OfModel, r.Entry)
		if r.Entry == "" || len(others) == 0 {
			continue
		}
		detail := fmt.Sprintf("the row is %q, and %s", r.Entry, describeNames(r, others))
		if a.hasRow(r, others[0].Name) {
			detail += ", which has a row of its own"
		}
		found.add(Finding{Name: "generator-mismatch", Row: rowOf(r), Files: places(r), Detail: detail})
	}
	return found.list()
}

// judgeMismatch finds results that name another judge than the one whose table they
// lie in the place of.
func judgeMismatch(a *audit) []Finding {
	found := findingSet{}
	for _, r := range a.in.Runs {
		others := othersNamed(r, harness.OfJudge, r.Judge)
		if r.Judge == "" || len(others) == 0 {
			continue
		}
		found.add(Finding{
			Name: "judge-mismatch", Row: rowOf(r), Files: places(r),
			Detail: fmt.Sprintf("the table is of the judge %q, and %s", r.Judge, describeNames(r, others)),
		})
	}
	return found.list()
}

// describeNames says where names stand, and how often.
func describeNames(r *harness.Run, names []harness.Naming) string {
	const most = 3
	text := ""
	for i, n := range names[:min(len(names), most)] {
		if i == 0 {
			text = fmt.Sprintf("%s beside %d of %d items is %q", n.Member, n.Items, r.Items.Len(), n.Name)
		} else {
			text += fmt.Sprintf(", beside %d %q", n.Items, n.Name)
		}
	}
	if len(names) > most {
		text += ", and others"
	}
	return text
}

// noModelIdentity finds results that name no model, neither beside the items nor for all
// of them.
func noModelIdentity(a *audit) []Finding {
	found := findingSet{}
	for _, r := range a.in.Runs {
		named := r.Model != harness.Model{} || slices.ContainsFunc(r.Names, func(n harness.Naming) bool { return n.Of == harness.OfModel && n.Name != "" })
		if named || len(r.Metrics)+len(r.Aggregates) == 0 {
			continue
		}
		found.add(Finding{Name: "no-model-identity", Row: rowOf(r), Files: places(r), Detail: "neither a name nor a revision nor a digest of a model stands in the file"})
	}
	return found.list()
}

// othersNamed are the names of a kind that are another than the one expected.
func othersNamed(r *harness.Run, of, want string) []harness.Naming {
	var others []harness.Naming
	for _, n := range r.Names {
		if n.Of == of && !sameName(n.Name, want) {
			others = append(others, n)
		}
	}
	return others
}

// sameName forgives what the names of one model differ by when one of them is a file's:
// case, an organisation in front, and characters that file names do not have.
func sameName(a, b string) bool {
	if a == b {
		return true
	}
	plain := func(s string) string {
		return strings.Map(func(r rune) rune {
			if strings.ContainsRune(" _-:/", r) {
				return '-'
			}
			return r
		}, strings.ToLower(strings.TrimSpace(s)))
	}
	return plain(path.Base(a)) == plain(path.Base(b)) || plain(a) == plain(b)
}

func (a *audit) hasRow(r *harness.Run, entry string) bool {
	if len(a.runs[key{r.Board, entry}]) > 0 {
		return true
	}
	return a.published[key{r.Board, entry}]
}
