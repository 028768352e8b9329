package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/hub"
	"github.com/proctor-attest/proctor/attest/model"
)

// statedShare is the share of all bytes for which an audit states what its sample
// misses; readers compute it for theirs.
const statedShare = "0.02"

// signMatchFlags are those of an audit that is signed.
func signMatchFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "method", Usage: "`HOW` the files were got and looked at, for readers"},
		&cli.StringFlag{Name: "from", Usage: "the `URI` where they were got, of those that the release names (default: the only one, or the one that a listing or sample is of)"},
		&cli.StringFlag{Name: "fetched", Usage: "`TIME` when they were got, RFC 3339 (a sample says it itself)"},
		&cli.StringFlag{Name: "drawn-by", Usage: "issuer who drew the sample, a `URI` (default: you)"},
		weightsFlag(), outFlag(), ledgerFlag(), tsaFlag(), passwordFlag(), yesFlag(), dryRunFlag(),
	}
}

func (e *env) refuseSignFlags(c *cli.Context) error {
	for _, f := range signMatchFlags() {
		if name := f.Names()[0]; c.IsSet(name) {
			return usagef("--%s goes with --sign", name)
		}
	}
	return nil
}

// signMatch looks at what is published of a release, and signs what it found.
func (e *env) signMatch(c *cli.Context) error {
	if err := need(c, "method"); err != nil {
		return err
	}
	if c.Bool("json") || c.Bool("all") {
		return usagef("--json and --all go without --sign; --dry-run prints the statement")
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	pack, entry, release, err := find[*attest.Release](h, c.Args().Get(0))
	if err != nil {
		return err
	}
	released, err := releasedModel(pack, release)
	if err != nil {
		return fmt.Errorf("release %q: %w", release.Name, err)
	}
	look := &matchLook{env: e, cmd: c, release: release, released: released}
	m, err := look.at(c.Args().Get(1))
	if err != nil {
		return err
	}
	if m.Sample != nil {
		m.Sample.DrawnBy = cmp.Or(c.String("drawn-by"), h.config.Issuer)
	} else if c.IsSet("drawn-by") {
		return usagef("--drawn-by goes with a sample")
	}
	p := &attest.Audit{
		Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleRelease, ID: entry.Statement.ID}}},
		What:   attest.AuditModelMatch, Method: c.String("method"), Release: entry.Statement.ID, Match: m,
	}
	if err := model.CheckMatch(p); err != nil {
		return fmt.Errorf("what was found: %w", err)
	}
	e.noteWord(c, m)
	if m.Package != nil && release.Package != nil && m.Outcome == attest.OutcomeMatch && *m.Package != *release.Package {
		e.note(c, "the package of %s is not the released one: a file beside the model is another, or there are more or less; look at just what was published", c.Args().Get(1))
	}
	logged, out, err := e.logNew(c, h, p, pack, release.Name)
	if err != nil {
		return err
	}
	for _, line := range matchWords(m) {
		fmt.Fprintln(e.stdout, printable(line))
	}
	fmt.Fprintf(e.stdout, "statement %s\npack      %s\n", logged.Statement.ID, out)
	if m.Outcome == attest.OutcomeMatch {
		e.note(c, `readers want to see that you have not withdrawn it: "proctor head --into %s"`, out)
	}
	return matchStatus(m)
}

// noteWord says what the statement holds that no program can know.
func (e *env) noteWord(c *cli.Context, m *attest.ModelMatch) {
	switch {
	case m.Sample != nil:
		e.note(c, "the statement says that %s drew the sample, and not until it suited: that is your word", m.Sample.DrawnBy)
	case m.Tier == 4:
		e.note(c, "the statement says that %s are the files at %s, unchanged: that is your word", c.Args().Get(1), m.Source.URI)
	default:
		e.note(c, "no byte of the weights was read: the statement gives no reader facet D2")
	}
	if m.Outcome == attest.OutcomeMismatch {
		e.note(c, "readers who take you for independent will see the release contradicted, or lose facet D2: be sure that you looked at the right place")
	}
}

// matchStatus is the exit status for an audit that was signed.
func matchStatus(m *attest.ModelMatch) error {
	switch {
	case m.Outcome == attest.OutcomeMismatch:
		return &verdictError{exitContradicted}
	case m.Outcome == attest.OutcomeIncomplete, m.Uncovered != nil && m.Uncovered.Count > 0:
		return &verdictError{exitGaps}
	}
	return nil
}

// releasedModel reads the files and tensors of a release from the manifest that it
// names, or that its model statement does.
func releasedModel(pack *attest.Pack, release *attest.Release) (*model.Model, error) {
	if release.Model.Kind != attest.ModelWeights {
		return nil, errors.New("it is of an endpoint, which has no files")
	}
	if release.Manifest != nil {
		return manifestOf(pack, release.Manifest, release.Model.ID)
	}
	for _, entry := range pack.Entries {
		if p, ok := entry.Statement.Predicate.(*attest.Model); ok && p.Model == release.Model && p.Manifest != nil {
			return manifestOf(pack, p.Manifest, p.Model.ID)
		}
	}
	return manifestOf(pack, nil, release.Model.ID)
}

// matchLook looks at what is published in the name of a release.
type matchLook struct {
	*env
	cmd      *cli.Context
	release  *attest.Release
	released *model.Model
}

// at looks at a directory, a sample or a listing.
func (l *matchLook) at(name string) (*attest.ModelMatch, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() && l.cmd.String("revision") == "" && !isBare(name) {
		return l.atFiles(name)
	}
	saved, done, err := openSaved(name)
	if err != nil {
		return nil, err
	}
	defer done()
	if saved != nil {
		return l.atSample(name, saved)
	}
	listing, err := l.readListing(l.cmd, name)
	if err != nil {
		return nil, err
	}
	return l.atListing(name, listing)
}

// atFiles reads every byte.
func (l *matchLook) atFiles(name string) (*attest.ModelMatch, error) {
	source, err := l.source("", l.cmd.String("fetched"))
	if err != nil {
		return nil, err
	}
	found, err := l.digestModel(l.cmd, name)
	if err != nil {
		return nil, err
	}
	m := &attest.ModelMatch{
		Tier: 4, Released: l.release.Model.ID, ModelID: &found.ID, Package: &found.Package, Source: source,
		Roles: model.MatchRoles(l.released.Roles, found.Roles), Uncovered: nameSome(found.Uncovered),
	}
	return outcomeOf(m, hub.TensorDifferences(l.released.Tensors, found.Tensors)), nil
}

// atSample recomputes the modelID from a sample.
func (l *matchLook) atSample(name string, saved *hub.Saved) (*attest.ModelMatch, error) {
	source, err := l.source(hub.Repo{Name: saved.Repo, Revision: saved.Revision}.String(), saved.Fetched)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	source.Server = saved.Endpoint
	found, err := saved.Check(l.cmd.Context, l.released)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	missed, err := model.MissedAtMost(statedShare, found.Draws)
	if err != nil {
		return nil, err
	}
	m := &attest.ModelMatch{
		Tier: 3, Released: l.release.Model.ID, ModelID: &found.ID, Source: source,
		Roles: model.MatchRoles(l.released.Roles, found.Roles), Uncovered: nameSome(found.Uncovered),
		Sample: &attest.MatchSample{
			Draws: found.Draws, Seed: saved.Seed, Tensors: uint64(found.Tensors), OfTensors: uint64(found.Of),
			Bytes: found.Bytes, OfBytes: found.OfAll, Share: statedShare, Missed: missed,
		},
	}
	tensors := slices.DeleteFunc(found.Differs, func(s string) bool { return !strings.HasPrefix(s, "tensor ") })
	return outcomeOf(m, tensors), nil
}

func outcomeOf(m *attest.ModelMatch, tensors []string) *attest.ModelMatch {
	m.Outcome = attest.OutcomeMatch
	if *m.ModelID != m.Released {
		m.Outcome, m.Differs = attest.OutcomeMismatch, nameSome(tensors)
	}
	return m
}

// atListing compares files by what a hub or git says of them.
func (l *matchLook) atListing(name string, listing *hub.Listing) (*attest.ModelMatch, error) {
	if tier := listing.Tier(); tier != 1 && tier != 2 {
		return nil, withHint(fmt.Errorf("%s: a %s says nothing of what is published: it is not signed for", name, listing.Kind),
			"look at the published files, at a sample, at the hub's listing, or at a commit with --revision")
	}
	seen := listing.Revision
	if listing.Repo != "" {
		seen = hub.Repo{Name: listing.Repo, Revision: listing.Revision}.String()
	}
	source, err := l.source(seen, l.cmd.String("fetched"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if source.Commit == "" {
		source.Commit = listing.Revision
	}
	compared, err := compareListing(l.released, listing)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	m := &attest.ModelMatch{
		Outcome: attest.OutcomeIncomplete, Tier: listing.Tier(), Released: l.release.Model.ID, Source: source,
		Roles: listedRoles(l.released, hub.Compare(l.released, listing)),
	}
	if listing.Partial == "" {
		m.Uncovered = nameSome(compared.Uncovered)
	}
	if len(compared.Differs) > 0 {
		m.Differs = nameSome(compared.Differs)
	}
	if slices.ContainsFunc(m.Roles, func(r attest.MatchedRole) bool { return r.State != attest.RoleSame && r.State != attest.RoleUnknown }) {
		m.Outcome = attest.OutcomeMismatch
	}
	return m, nil
}

// listedRoles says of each role what a comparison of files shows of it. Tensors can move
// between files, and a chat template can be in one of several: what is not in the same
// files there is unknown.
func listedRoles(released *model.Model, files []hub.Match) []attest.MatchedRole {
	states := map[string]map[hub.State]bool{}
	all := true
	for _, f := range files {
		if f.Part != "" && f.Part != "uncovered weights" {
			if states[f.Part] == nil {
				states[f.Part] = map[hub.State]bool{}
			}
			states[f.Part][f.State] = true
			all = all && f.State == hub.Same
		}
	}
	var out []attest.MatchedRole
	for _, r := range released.Roles {
		state := attest.RoleUnknown
		if all {
			state = attest.RoleSame
		} else if byFiles(r.Role) {
			state = roleState(states[r.Role])
		} else if r.Role == "weights" && roleState(states[r.Role]) == attest.RoleSame {
			state = attest.RoleSame
		}
		out = append(out, attest.MatchedRole{Role: r.Role, State: state})
		delete(states, r.Role)
	}
	for _, role := range model.RoleOrder {
		if byFiles(role) && states[role] != nil {
			out = append(out, attest.MatchedRole{Role: role, State: attest.RoleAdded})
		}
	}
	slices.SortFunc(out, func(a, b attest.MatchedRole) int { return model.CompareRoles(a.Role, b.Role) })
	return out
}

// byFiles reports whether a role is its files and nothing else.
func byFiles(role string) bool {
	return slices.Contains([]string{"config", "tokenizer", "generation-config", "preprocessor", "code"}, role)
}

func roleState(files map[hub.State]bool) string {
	switch {
	case files[hub.Differs] || files[hub.Uncovered] || files[hub.Absent] && len(files) > 1:
		return attest.RoleDiffers
	case files[hub.Absent]:
		return attest.RoleAbsent
	case files[hub.Same] && len(files) == 1:
		return attest.RoleSame
	}
	return attest.RoleUnknown
}

// source finds the place among those that the release names. seen is what a listing or
// a sample says of itself: hf:ORG/NAME@COMMIT, or a commit alone.
func (l *matchLook) source(seen, fetched string) (attest.MatchSource, error) {
	from := l.cmd.String("from")
	var places []attest.MatchSource
	for _, uri := range l.release.Published {
		if commit, ok := fits(uri, from); ok {
			if of, ok := fits(uri, seen); ok && (commit == "" || of == "" || commit == of) {
				places = append(places, attest.MatchSource{URI: uri, Commit: cmp.Or(commit, of)})
			}
		}
	}
	if len(places) != 1 {
		return attest.MatchSource{}, withHint(fmt.Errorf("%q is not one of the places that the release names: %s", strings.Trim(from+" "+seen, " "), strings.Join(l.release.Published, ", ")),
			"name the one that was looked at with --from, spelt as it is there; where it names no commit, @COMMIT can follow")
	}
	place := places[0]
	if fetched != "" {
		at, err := time.Parse(time.RFC3339, fetched)
		if err != nil {
			return place, usagef("%q is no time such as 2026-12-24T18:00:00Z", fetched)
		}
		place.Fetched = at.UTC().Format(time.RFC3339)
	}
	return place, nil
}

var fullCommit = regexp.MustCompile(`^(?:(.*)@)?([0-9a-f]{40})$`)

// fits reports whether a place that a release names is the one that is said, and at which
// commit. Nothing said fits all.
func fits(uri, said string) (commit string, ok bool) {
	commit = model.CommitIn(uri)
	if said == "" || said == uri {
		return commit, true
	}
	m := fullCommit.FindStringSubmatch(said)
	switch {
	case m == nil:
		return "", false
	case m[1] == "": // a commit alone, as git knows it
		return m[2], commit == "" || commit == m[2]
	case commit != "":
		return m[2], uri == said
	}
	repo, err := hub.ParseRepo(uri)
	return m[2], uri == m[1] || err == nil && hub.Scheme+repo.Name == m[1] // of a branch
}

// mostOfName keeps two full lists of names within an entry of a ledger.
const mostOfName = 160

// nameSome lists names as a statement does.
func nameSome(names []string) *attest.Names {
	out := &attest.Names{Count: uint64(len(names)), First: []string{}}
	for _, name := range names[:min(len(names), attest.MaxNames)] {
		if r := []rune(name); len(r) > mostOfName {
			name = string(r[:mostOfName]) + "…"
		}
		out.First = append(out.First, name)
	}
	return out
}

// addMatches puts audits of the claimed release into the claim's pack. What they found
// is for readers to weigh: those that found another model are as welcome.
func (e *env) addMatches(c *cli.Context, h *home, p *attest.Claim, pack *attest.Pack) error {
	release, _ := p.Ref(attest.RoleRelease)
	for _, arg := range c.StringSlice("audit") {
		other, entry, audit, err := findAudit(h, arg, attest.AuditModelMatch)
		if err != nil {
			return err
		}
		if audit.Release != release {
			return withHint(fmt.Errorf("%s: it is of a release that the claim does not name", arg), "name it with --release")
		}
		if err := e.merge(h, pack, other); err != nil {
			return err
		}
		p.Refs = append(p.Refs, attest.Ref{Role: attest.RoleAudit, ID: entry.Statement.ID})
	}
	return nil
}

// findAudit finds an audit of a kind. An auditor's pack carries its chain too, with audits
// of other kinds in it.
func findAudit(h *home, arg, kind string) (*attest.Pack, *attest.Entry, *attest.Audit, error) {
	if _, err := os.Stat(arg); err != nil {
		pack, entry, p, err := find[*attest.Audit](h, arg)
		if err == nil && p.What != kind {
			err = fmt.Errorf("the audit %s is a %s, not a %s", entry.Statement.ID.Short(), p.What, kind)
		}
		return pack, entry, p, err
	}
	pack, _, err := openPack(arg) // stays open: its artifacts go into another pack
	if err != nil {
		return nil, nil, nil, err
	}
	of := attest.NewPack()
	for id, e := range pack.Entries {
		if p, ok := e.Statement.Predicate.(*attest.Audit); ok && p.What == kind {
			of.Entries[id] = e
		}
	}
	if len(of.Entries) == 0 {
		return nil, nil, nil, fmt.Errorf("%s holds no audit of kind %s", arg, kind)
	}
	entry, p, err := only[*attest.Audit](of, arg)
	return pack, entry, p, err
}
