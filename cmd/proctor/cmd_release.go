package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/verify/score"
)

func scoreFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "scores", Usage: "the published table, a CSV `FILE` with columns label, score, result"},
		&cli.BoolFlag{Name: "variants", Usage: "declare that the rows are of different models"},
		outFlag(), ledgerFlag(), tsaFlag(), passwordFlag(), yesFlag(), dryRunFlag(), quietFlag(),
	}
}

func (e *env) cmdRelease() *cli.Command {
	return &cli.Command{
		Name:  "release",
		Usage: "say which model was published, open its seal, publish its scores",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "model", Usage: "the model: `PACK`, id or name"},
			&cli.StringSliceFlag{Name: "published", Usage: "`URI` where it can be had, such as hf:org/name@commit; repeatable"},
		}, scoreFlags()...),
		Action: e.runRelease,
	}
}

func (e *env) cmdClaim() *cli.Command {
	return &cli.Command{
		Name:  "claim",
		Usage: "publish a sentence or table of scores with its evidence",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "text", Usage: "the `SENTENCE` that is published"},
			&cli.StringFlag{Name: "release", Usage: "the release that the scores are claimed for: `PACK`, id or name"},
			&cli.StringSliceFlag{Name: "audit", Usage: "what an auditor found where that release says that its model is: `PACK`; repeatable"},
		}, scoreFlags()...),
		Action: e.runClaim,
	}
}

func (e *env) runRelease(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	if err := need(c, "model", "published"); err != nil {
		return err
	}
	if err := e.checkPublished(c); err != nil {
		return err
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	pack, entry, m, err := find[*attest.Model](h, c.String("model"))
	if err != nil {
		return err
	}
	if m.Issuer != h.config.Issuer {
		return fmt.Errorf("the model is %s's, and you are %s: a lab releases its own", m.Issuer, h.config.Issuer)
	}
	p := &attest.Release{
		Header:    attest.Header{Refs: []attest.Ref{{Role: attest.RoleModel, ID: entry.Statement.ID}}},
		Name:      m.Name,
		Model:     m.Model,
		Published: c.StringSlice("published"),
		Package:   m.Package,
		Uncovered: m.Uncovered,
		Manifest:  m.Manifest,
		Endpoint:  m.Endpoint,
		Variants:  c.Bool("variants"),
	}
	if m.Model.Kind == attest.ModelSealed {
		if err := h.unseal(p, m.Model.ID, pack); err != nil {
			return err
		}
	}
	table, err := e.readScores(c, h, pack)
	if err != nil {
		return err
	}
	p.Scores = table.scores
	p.Refs = append(p.Refs, table.refs...)
	if err := table.sameModel(p.Variants, &p.Model, p.Seals); err != nil {
		return err
	}
	return e.publish(c, h, p, pack, m.Name, func(entry *attest.Entry) {
		fmt.Fprintf(e.stdout, "release   %s\n%-9s %s\n", p.Name, p.Model.Kind, p.Model.ID)
	})
}

// unseal discloses what the lab kept when it committed.
func (h *home) unseal(p *attest.Release, commitment attest.Hash, pack *attest.Pack) error {
	s, err := h.readSeal(commitment)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the seal of %s is not in %s: it can be opened only where it was made", commitment.Short(), h.path(sealSecretsDir))
	}
	if err != nil {
		return err
	}
	if got := model.Seal(s.Secret, h.config.Issuer, s.Model.ID); got != commitment {
		return fmt.Errorf("the seal kept for %s opens to %s", commitment.Short(), got.Short())
	}
	p.Model = attest.ModelRef{Kind: attest.ModelWeights, ID: s.Model.ID}
	p.Package, p.Uncovered = &s.Model.Package, s.Model.Uncovered
	manifest, err := s.Model.Manifest()
	if err != nil {
		return err
	}
	artifact := pack.AddArtifact(manifest, manifestType, "manifest.json")
	p.Manifest = &artifact
	p.Seals = []attest.Seal{{Commitment: commitment, Secret: s.Secret}}
	return nil
}

func (e *env) runClaim(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	if err := need(c, "scores"); err != nil {
		return err
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	pack := attest.NewPack()
	p := &attest.Claim{Text: c.String("text"), Variants: c.Bool("variants")}
	var released *attest.ModelRef
	var seals []attest.Seal
	if arg := c.String("release"); arg != "" {
		releasePack, entry, release, err := find[*attest.Release](h, arg)
		if err != nil {
			return err
		}
		if err := e.merge(h, pack, releasePack); err != nil {
			return err
		}
		p.Refs = append(p.Refs, attest.Ref{Role: attest.RoleRelease, ID: entry.Statement.ID})
		released, seals = &release.Model, release.Seals
	}
	if err := e.addMatches(c, h, p, pack); err != nil {
		return err
	}
	table, err := e.readScores(c, h, pack)
	if err != nil {
		return err
	}
	p.Scores = table.scores
	p.Refs = append(p.Refs, table.refs...)
	if p.Text == "" {
		p.Text = table.text()
	}
	if err := table.saidIn(p.Text); err != nil {
		return err
	}
	if err := table.sameModel(p.Variants, released, seals); err != nil {
		return err
	}
	return e.publish(c, h, p, pack, "", func(*attest.Entry) {
		fmt.Fprintf(e.stdout, "claim     %s\n", p.Text)
	})
}

// publish logs a release or claim and writes its pack.
func (e *env) publish(c *cli.Context, h *home, p attest.Predicate, pack *attest.Pack, name string, print func(*attest.Entry)) error {
	entry, out, err := e.logNew(c, h, p, pack, name)
	if err != nil {
		return err
	}
	print(entry)
	fmt.Fprintf(e.stdout, "statement %s\npack      %s\n", entry.Statement.ID, out)
	e.note(c, `everybody that the claim relies on should add a fresh head: "proctor head --into %s"`, out)
	return nil
}

// scoreTable is a published table whose every row has been checked against its
// result before anything is signed.
type scoreTable struct {
	scores []attest.Score
	refs   []attest.Ref
	models []attest.ModelRef // by row
}

func (e *env) readScores(c *cli.Context, h *home, pack *attest.Pack) (*scoreTable, error) {
	t := &scoreTable{}
	name := c.String("scores")
	if name == "" {
		return t, nil
	}
	rows, err := readTable(name)
	if err != nil {
		return nil, err
	}
	seen := map[attest.Hash]bool{}
	for _, row := range rows {
		resultPack, entry, result, err := find[*attest.Result](h, row.result)
		if err != nil {
			return nil, fmt.Errorf("%s line %d: %w", name, row.line, err)
		}
		s := attest.Score{Label: row.label, Score: row.score, Decimals: row.decimals, Scale: row.scale, Result: entry.Statement.ID, Variant: row.variant}
		var anew []run.Row
		if row.regrade != "" {
			if anew, err = t.corrected(h, row.regrade, &s, resultPack); err != nil {
				return nil, fmt.Errorf("%s line %d: %w", name, row.line, err)
			}
		}
		reg, err := checkRow(resultPack, result, s, anew)
		if err != nil {
			return nil, fmt.Errorf("%s line %d: %w", name, row.line, err)
		}
		if s.Items, err = itemsNote(resultPack, reg); err != nil {
			return nil, fmt.Errorf("%s line %d: %w", name, row.line, err)
		}
		if s.Items != "" {
			e.note(c, "%q is on %s items, chosen by the registrant, and is published as that.", s.Label, s.Items)
		}
		if err := e.merge(h, pack, resultPack); err != nil {
			return nil, err
		}
		t.scores = append(t.scores, s)
		t.models = append(t.models, reg.Model)
		if !seen[s.Result] {
			seen[s.Result] = true
			t.refs = append(t.refs, attest.Ref{Role: attest.RoleResult, ID: s.Result})
		}
	}
	return t, nil
}

// corrected names the regrade that a score rests on, and returns its grades.
func (t *scoreTable) corrected(h *home, arg string, s *attest.Score, into *attest.Pack) ([]run.Row, error) {
	pack, entry, p, err := findAudit(h, arg, attest.AuditRegrade)
	if err != nil {
		return nil, err
	}
	if p.Result != s.Result {
		return nil, fmt.Errorf("the regrade %s is of another result", entry.Statement.ID.Short())
	}
	data, err := pack.Artifact(p.Regrade.Rows)
	if err != nil {
		return nil, err
	}
	id := entry.Statement.ID
	s.Regrade = &id
	into.Merge(pack)
	t.refs = append(t.refs, attest.Ref{Role: attest.RoleAudit, ID: id})
	return run.ParseRows(data)
}

// checkRow recomputes a row's score: what does not follow is not signed.
func checkRow(pack *attest.Pack, result *attest.Result, s attest.Score, anew []run.Row) (*attest.Registration, error) {
	reg, config, rows, err := rowsOf(pack, result)
	if err == nil && anew != nil {
		rows, _, err = run.Regrade(rows, anew)
	}
	if err != nil {
		return nil, err
	}
	exact, _, err := exactScore(rows, reg.Metric, config.Denominator)
	if err != nil {
		return nil, err
	}
	holds, err := score.Holds(exact, s, reg.Metric)
	if err != nil {
		return nil, err
	}
	if !holds {
		return nil, fmt.Errorf("%s: published %s, and the result's rows give %s = %s", s.Label, s.Score, exact.RatString(), score.Decimal(exact, 6))
	}
	return reg, nil
}

// sameModel refuses a table that shows different models under one name.
func (t *scoreTable) sameModel(variants bool, released *attest.ModelRef, seals []attest.Seal) error {
	resolve := func(m attest.ModelRef) attest.ModelRef {
		for _, s := range seals {
			if m.Kind == attest.ModelSealed && m.ID == s.Commitment {
				return *released
			}
		}
		return m
	}
	for i := range t.models {
		m := resolve(t.models[i])
		want := resolve(t.models[0])
		if released != nil {
			want = *released
		}
		if m != want && !variants {
			return withHint(fmt.Errorf("row %q is of model %s, and should be of %s", t.scores[i].Label, describeModel(m), describeModel(want)),
				"a table speaks of one model; if these are variants, say so with --variants and readers will see it")
		}
	}
	return nil
}

func (t *scoreTable) text() string {
	var parts []string
	for _, s := range t.scores {
		unit := ""
		if s.Scale == "100" {
			unit = " %"
		}
		if s.Items != "" {
			unit += " (" + s.Items + " items, chosen by the registrant)"
		}
		parts = append(parts, s.Label+" "+s.Score+unit)
	}
	return strings.Join(parts, ", ")
}

// saidIn refuses a sentence that passes a score on chosen items off as one on the
// whole set.
func (t *scoreTable) saidIn(text string) error {
	for _, s := range t.scores {
		if !strings.Contains(text, s.Items) {
			return withHint(fmt.Errorf("--text does not say that %q is on %s items", s.Label, s.Items), "write it into the sentence: readers take a score to be on the whole set")
		}
	}
	return nil
}
