package main

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/attest/testset"
	"github.com/proctor-attest/proctor/verify/score"
)

func (e *env) cmdResult() *cli.Command {
	return &cli.Command{
		Name:      "result",
		Usage:     "seal the outcome of a registered run from its logs",
		ArgsUsage: "FILE…",
		Description: "Reads plain JSONL, with --row saying where a row keeps what, or an\n" +
			"lm-evaluation-harness log (results_*.json and samples_*.jsonl). Rows are matched to the\n" +
			"committed items by key, or by the content of a field with --match. Responses are\n" +
			"committed and stay here; grades become public. With --challenge a beacon's round draws\n" +
			"later which answers you open (\"proctor help challenges\").",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "registration", Usage: "the registration: `PACK`, id"},
			&cli.StringFlag{Name: "items", Usage: "the owner's opening of the items, a `FILE`"},
			&cli.StringFlag{Name: "row", Usage: "for plain JSONL: `key=PATH,response=PATH,grade=PATH[,sample=PATH][,trace=PATH]`"},
			&cli.StringFlag{Name: "match", Usage: "match rows to items by the content of this `FIELD`"},
			&cli.StringFlag{Name: "task", Usage: "`TASK` of a log that has several"},
			&cli.StringFlag{Name: "beacon", Usage: "a beacon round, a `FILE`, fetched after the run was registered (default: the newest that \"proctor fetch\" saved)"},
			&cli.StringFlag{Name: "abandon", Usage: "report, in the place of an outcome, `WHY` there is none"},
			&cli.StringSliceFlag{Name: "exclude", Usage: "exclude an item that has no row, as `KEY=REASON`; repeatable"},
			outFlag(), ledgerFlag(), tsaFlag(), passwordFlag(), yesFlag(), dryRunFlag(), quietFlag(),
		}, challengeFlags()...),
		Action: e.runResult,
	}
}

func (e *env) runResult(c *cli.Context) error {
	if err := checkResultLine(c); err != nil {
		return err
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	pack, entry, reg, err := find[*attest.Registration](h, c.String("registration"))
	if err != nil {
		return err
	}
	if reg.Evaluator != h.config.Issuer {
		return fmt.Errorf("the run is registered for the evaluator %s, and you are %s", reg.Evaluator, h.config.Issuer)
	}
	runID := entry.Statement.ID
	out, err := outName(c, reg.ModelName+"."+reg.TestsetName, "result")
	if err != nil {
		return err
	}
	runDir, done, err := h.secretDir(c, runSecretsDir, runID)
	if err != nil {
		return err
	}
	defer done()
	s, err := e.issuing(c, h)
	if err != nil {
		return err
	}
	defer s.close(e.ctx)
	if err := s.makeRoomForRun(runDir, runID); err != nil {
		return err
	}
	if why := c.String("abandon"); why != "" {
		return e.abandon(s, pack, runID, why, out)
	}
	terms, err := e.challengeTerms(c, reg.Metric)
	if err != nil {
		return err
	}
	sealed, err := e.sealRows(c, pack, runID, reg, runDir)
	if err != nil {
		return err
	}
	if sealed.predicate.NotBefore, err = e.followedRound(c, h, s.policy, reg); err != nil {
		return err
	}
	if err := sealed.challenge(c, terms, reg.Metric); err != nil {
		return err
	}
	signed, err := s.logAndPack(e.ctx, sealed.predicate, pack, out)
	if err != nil {
		if signed == nil {
			os.RemoveAll(runDir) // nothing was signed: what it would have opened does not exist
		}
		return err
	}
	sealed.print(e, signed, reg, out)
	if terms != nil {
		if err := e.printChallenge(c, h, signed, sealed, reg); err != nil {
			return err
		}
	}
	e.note(c, "public from now on: %s.\nSecret, in %s: the responses and what opens them.", becomesPublic(sealed.predicate), runDir)
	return nil
}

func checkResultLine(c *cli.Context) error {
	if c.IsSet("abandon") {
		if c.Args().Present() || c.IsSet("items") || c.String("abandon") == "" {
			return usagef("an abandoned run has no log: --abandon WHY goes with --registration alone")
		}
		if c.IsSet("challenge") {
			return usagef("an abandoned run has no answers to challenge: leave out --challenge")
		}
		return need(c, "registration")
	}
	if c.Args().Len() == 0 {
		return usagef("result needs the files of the log, or --abandon")
	}
	return need(c, "registration", "items")
}

// abandon reports that a run has no outcome. It counts as undisclosed, and says so
// to everybody who counts.
func (e *env) abandon(s *issuing, pack *attest.Pack, runID attest.Hash, why, out string) error {
	entry, err := s.logAndPack(e.ctx, &attest.Result{
		Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleRegistration, ID: runID}}},
		RunID:  runID, Abandoned: why,
	}, pack, out)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "run       %s\nabandoned %s\nstatement %s\npack      %s\n", runID, why, entry.Statement.ID, out)
	return nil
}

// makeRoomForRun refuses a run that was reported. Secrets without a signed result
// were left by a command that was killed: they open nothing and go.
func (s *issuing) makeRoomForRun(runDir string, runID attest.Hash) error {
	for _, e := range s.chain {
		if r, ok := e.Statement.Predicate.(*attest.Result); ok && r.RunID == runID {
			return withHint(fmt.Errorf("run %s has been reported already", runID.Short()), "only the first result of a run counts; another run needs a registration of its own")
		}
	}
	return s.clear(runDir)
}

// sealedRun is a result that is ready to be signed.
type sealedRun struct {
	predicate *attest.Result
	score     *score.Recomputed
	config    *run.Configuration
	rows      []run.Row
	items     string // how many, and who chose them, where they are not all
}

func (r *sealedRun) print(e *env, signed *attest.Entry, reg *attest.Registration, out string) {
	exact, _ := r.score.With(r.config.Denominator)
	fmt.Fprintf(e.stdout, "run       %s\n", r.predicate.RunID)
	if r.items != "" {
		fmt.Fprintf(e.stdout, "items     %s\n", r.items)
	}
	fmt.Fprintf(e.stdout, "rows      %d (%d excluded, %s)\nscore     %s = %s\nstatement %s\npack      %s\n",
		r.score.Rows, r.score.Excluded, r.config.Denominator,
		fraction(r.score, exact.RatString()), score.Decimal(exact, 6), signed.Statement.ID, out)
}

// fraction spells a score over the number of items where that is what it is, as
// people know it from tables: 286/1319 also where it could be cancelled.
func fraction(s *score.Recomputed, exact string) string {
	if s.Excluded == 0 && s.Items == s.Rows {
		if n, ok := score.Over(s.CountedWrong, s.Items); ok {
			return fmt.Sprintf("%s/%d", n, s.Items)
		}
	}
	return exact
}

func (e *env) sealRows(c *cli.Context, pack *attest.Pack, runID attest.Hash, reg *attest.Registration, runDir string) (*sealedRun, error) {
	doc, err := pack.Artifact(reg.Configuration)
	if err != nil {
		return nil, err
	}
	config, err := run.ParseConfiguration(doc)
	if err != nil {
		return nil, err
	}
	note, err := itemsNote(pack, reg)
	if err != nil {
		return nil, err
	}
	if reg.Items != nil {
		note += ", chosen by the registrant"
	} else if reg.Draw != nil && reg.Draw.Kind == attest.DrawSubset {
		note = fmt.Sprintf("%d, drawn by a beacon", reg.Draw.Items)
	}
	log, err := e.openRows(c, reg)
	if err != nil {
		return nil, err
	}
	items, err := e.itemsToRun(c, pack, runID, reg)
	if err != nil {
		return nil, err
	}
	w, err := newRunWriter(runDir, runID, reg)
	if err != nil {
		return nil, err
	}
	rows, err := matchRows(log.read, items, w, reg, config, c.StringSlice("exclude"))
	if err == nil && c.IsSet("challenge") {
		err = w.keepItems(items.skeleton)
	}
	if err == nil {
		err = w.close()
	}
	for _, n := range log.notes() {
		e.note(c, "log: %s", n)
	}
	if err != nil {
		w.abandon()
		return nil, err
	}
	for i, r := range rows {
		if err := run.CheckGrade(r, reg.Metric, config.Exclusions); err != nil {
			w.abandon()
			return nil, fmt.Errorf("row %d, item %d sample %d: %w", i, r.Item, r.Sample, err)
		}
	}
	got, err := score.Recompute(rows, reg.Metric)
	if err != nil {
		w.abandon()
		return nil, err
	}
	exact, err := got.With(config.Denominator)
	if err != nil {
		w.abandon()
		return nil, err
	}
	root, err := run.Root(runID, rows, items.skeleton)
	if err != nil {
		w.abandon()
		return nil, err
	}
	return &sealedRun{score: got, config: config, rows: rows, items: note, predicate: &attest.Result{
		Header: attest.Header{Refs: []attest.Ref{{Role: attest.RoleRegistration, ID: runID}}},
		RunID:  runID,
		Outcome: &attest.Outcome{
			Leaves:   uint64(len(rows)),
			Root:     root,
			Rows:     pack.AddArtifact(run.FormatRows(rows), "application/vnd.proctor.results+jsonl", "results.jsonl"),
			Excluded: uint64(got.Excluded),
			Score:    exact.RatString(),
			Logs:     log.files,
		},
	}}, nil
}

// registeredSet returns the committed set that a registration names.
func registeredSet(pack *attest.Pack, reg *attest.Registration) (*attest.Testset, error) {
	id, _ := reg.Ref(attest.RoleTestset)
	entry, ok := pack.Entries[id]
	if !ok {
		return nil, fmt.Errorf("the registration's pack does not hold its test set %s", id.Short())
	}
	set, ok := entry.Statement.Predicate.(*attest.Testset)
	if !ok || set.SetID != reg.Testset.SetID || set.Version != reg.Testset.Version {
		return nil, fmt.Errorf("statement %s is not the registered version of the test set", id.Short())
	}
	return set, nil
}

// itemsToRun reads the items that the run was registered for.
func (e *env) itemsToRun(c *cli.Context, pack *attest.Pack, runID attest.Hash, reg *attest.Registration) (*items, error) {
	set, err := registeredSet(pack, reg)
	if err != nil {
		return nil, err
	}
	it := &items{match: c.String("match")}
	if it.active, err = pack.Artifact(set.Bitmap); err != nil {
		return nil, err
	}
	if it.declared, err = e.chosenItems(c, pack, runID, reg); err != nil {
		return nil, err
	}
	name := c.String("items")
	opened, err := e.openItems(c, name, set, it)
	if err != nil {
		return nil, err
	}
	if opened != set.Version.Size {
		return nil, withHint(fmt.Errorf("%s opens %d of %d items", name, opened, set.Version.Size), `the owner makes a whole one with "proctor open --all --private"`)
	}
	return it, nil
}

// openItems reads the owner's opening against the registered version, and returns how
// many items it opens.
func (e *env) openItems(c *cli.Context, name string, set *attest.Testset, it *items) (uint64, error) {
	keep := []string{}
	if it.match != "" {
		keep = []string{it.match}
	}
	it.skeleton = make([]attest.Hash, set.Version.Size)
	return e.visitOpening(c, name, set, keep, it.add)
}

// visitOpening calls visit with each item of an opening, and the fields that are to be
// kept of it. Nothing of what it saw stands unless visitOpening returns no error.
func (e *env) visitOpening(c *cli.Context, name string, set *attest.Testset, keep []string, visit func(testset.OpenedItem) error) (uint64, error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	want := testset.Set{ID: set.SetID, Fields: set.Fields, Size: set.Version.Size, Root: set.Version.Root}
	bar := e.progress(c, "checking the opening", int64(set.Version.Size))
	opening, err := testset.ScanOpening(f, want, testset.OpeningConfig{Keep: keep}, func(item testset.OpenedItem) error {
		bar.rows(int(item.Index), int64(item.Index))
		return visit(item)
	})
	bar.done()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return opening.Opened, nil
}
