package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
)

// Comparison is what less than every byte of the published files shows of a released
// model.
type Comparison struct {
	Tier     int    // as PROTOCOL §3 numbers the ways to look; 0 for one that it does not
	Kind     string // in words
	Revision string // the commit that was looked at; empty where nothing says which
	Partial  string // why files may be missing from what was looked at; empty where none are

	Same      int      // files
	Differs   []string // parts of the model that are not as they were released, each with how
	Beside    []string // other files that are not, likewise
	Unknown   int      // files that could not be compared
	Uncovered []string // published weights outside the modelID

	Sample *Sample // of a look at some tensors; nil without
}

// checkCompared judges published files of which less than every byte was read.
func (r *rowJudge) checkCompared(release *attest.Release, recomputed, uncovered, whole string) {
	p := r.opts.Published
	c, err := r.comparison(release)
	if err != nil {
		r.without(fmt.Sprintf("%s cannot be compared: %s", p.From, err), recomputed, uncovered)
		if release.Package != nil {
			r.missing(whole, "%s cannot be compared: %s", p.From, err)
		}
		return
	}
	r.sawOther = len(c.Differs)+len(c.Uncovered) > 0 || c.Sample != nil && c.Sample.ID != release.Model.ID
	how := c.Kind
	if c.Tier > 0 {
		how = fmt.Sprintf("T%d, %s", c.Tier, c.Kind)
	}
	if c.Sample != nil {
		r.checkSample(recomputed, release, c)
	} else {
		r.missing(recomputed, "%s: %s: no byte of the weights was read", p.From, how)
	}
	switch {
	case len(c.Uncovered) > 0:
		r.missing(uncovered, "outside the modelID: %s", some(c.Uncovered))
	case c.Partial != "":
		r.missing(uncovered, "%s", c.Partial)
	default:
		r.pass(uncovered, "%s names no weight file outside the modelID (%s)", p.From, how)
	}
	if release.Package != nil {
		r.checkListed(whole, how, release, c)
	}
}

// checkListed compares a listing with the released package. Only a listing of the very
// commit that the release names can contradict it: what a hub shows otherwise may be of
// another day.
func (r *rowJudge) checkListed(name, how string, release *attest.Release, c *Comparison) {
	from := r.opts.Published.From
	at := ""
	if c.Revision != "" {
		at = " at commit " + c.Revision
	}
	switch {
	case len(c.Differs) > 0 && c.Revision != "" && publishedAt(release, c.Revision):
		r.refute(name, "", "", "%s (%s)%s, which the release names, has other files: %s", from, how, at, some(c.Differs))
	case len(c.Differs) > 0:
		r.missing(name, "%s (%s)%s has other files, and the release names no such commit: %s", from, how, at, some(c.Differs))
	case len(c.Beside) > 0:
		r.missing(name, "%s (%s): all parts of the model are listed as they were released, and files beside it are not: %s", from, how, some(c.Beside))
	case c.Unknown > 0 || c.Partial != "":
		r.missing(name, "%s (%s): %d files are listed as they were released, the others cannot be compared", from, how, c.Same)
	default:
		r.missing(name, "%s (%s): all %d files are listed as they were released, and not every byte was read", from, how, c.Same)
	}
}

// publishedAt reports whether a release names a commit among the places where the
// model was published.
func publishedAt(release *attest.Release, commit string) bool {
	return slices.ContainsFunc(release.Published, func(uri string) bool {
		return slices.Contains(strings.FieldsFunc(uri, func(r rune) bool { return strings.ContainsRune("/@?#=&", r) }), commit)
	})
}

// compared is what came of comparing a list of files and tensors.
type compared struct {
	c   *Comparison
	err error
}

// comparison compares once what several rows of a table may ask for.
func (r *rowJudge) comparison(release *attest.Release) (*Comparison, error) {
	a := release.Manifest
	if a == nil && r.modelSt != nil {
		if p := r.modelSt.Statement.Predicate.(*attest.Model); p.Model == release.Model {
			a = p.Manifest
		}
	}
	if a == nil {
		return nil, errors.New("no statement names the list of the model's files and tensors")
	}
	if kept, ok := r.compared[a.SHA256]; ok {
		return kept.c, kept.err
	}
	var out compared
	m, err := r.manifest(*a, release)
	if err == nil {
		out.c, err = r.opts.Published.Compare(m)
	}
	out.err = err
	if r.compared == nil {
		r.compared = map[attest.Hash]compared{}
	}
	r.compared[a.SHA256] = out
	return out.c, out.err
}

func (r *rowJudge) manifest(a attest.Artifact, release *attest.Release) (*model.Model, error) {
	data := r.artifact(a)
	if data == nil {
		return nil, errors.New("the pack does not hold the list of the model's files and tensors")
	}
	m, err := model.ParseManifest(data)
	switch {
	case err != nil:
		return nil, err
	case m.ID != release.Model.ID:
		return nil, fmt.Errorf("the list of files and tensors is of model %s, not of the released one", m.ID.Short())
	case release.Package != nil && m.Package != *release.Package:
		return nil, fmt.Errorf("the list of files and tensors is of package %s, not of the released one", m.Package.Short())
	}
	return m, nil
}

// some lists the first of many names.
func some(names []string) string {
	const most = 5
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
