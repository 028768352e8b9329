package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
	"github.com/proctor-attest/proctor/attest/testset"
	"github.com/proctor-attest/proctor/ledger/durable"
)

func (e *env) cmdCommit() *cli.Command {
	return &cli.Command{
		Name:  "commit",
		Usage: "commit to a test set or a model, and log it",
		Subcommands: []*cli.Command{
			{
				Name:      "testset",
				Usage:     "commit to the items of a JSONL, JSON or CSV file (gzip and zstd too)",
				ArgsUsage: "FILE",
				Description: "With --next, makes the next version of a set: rows with a new key are appended, rows\n" +
					"that differ from what was committed become the next revision of their item, rows that do\n" +
					"not change nothing. Items that the file leaves out stay, unless --retire names them.\n\n" +
					"--near lists items that are nearly the same, and refuses none: whether they shall count\n" +
					"twice is for you to say. Items that one template makes, in which numbers or names alone\n" +
					"differ, are nearly the same by this measure once the template is long.",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "name", Usage: "`NAME` of the set, the same for all its versions"},
					&cli.BoolFlag{Name: "next", Usage: "make the next version of the set; FILE may be left out with --retire"},
					&cli.StringSliceFlag{Name: "retire", Usage: "with --next: `KEY` of an item that is no longer scored; repeatable"},
					&cli.StringFlag{Name: "reason", Usage: "with --next: `WHY` items are retired or revised, for readers"},
					&cli.StringFlag{Name: "key", Usage: "`MEMBER` that identifies an item (default: a unique id, key, task_id or question_id, else the row number)"},
					&cli.StringFlag{Name: "fields", Usage: "members to commit to, as `A,B,…` (default: all)"},
					&cli.BoolFlag{Name: "allow-duplicates", Usage: "list items that are equal after normalisation instead of refusing them"},
					&cli.BoolFlag{Name: "near", Usage: "report items that are nearly the same, before anything is committed; with --dry-run it is a mere check"},
					&cli.Float64Flag{Name: "near-threshold", Usage: "with --near: the least `SHARE` of their word shingles that two items have in common, 0.5 to 1", Value: 0.8},
					&cli.StringFlag{Name: "near-out", Usage: "with --near: write every group to `FILE`, as JSON Lines"},
					&cli.StringSliceFlag{Name: "bind", Usage: "bind a file's digest, as `WHAT=FILE` with WHAT one of grader, rubric, template, judge, generator; repeatable"},
					&cli.StringFlag{Name: "canary", Usage: "the canary `GUID` that the set's files carry"},
					&cli.StringFlag{Name: "access", Usage: "private or public", Value: "private"},
					outFlag(), ledgerFlag(), tsaFlag(), passwordFlag(), yesFlag(), dryRunFlag(), quietFlag(),
				},
				Action: e.runCommitTestset,
			},
			{
				Name:      "model",
				Usage:     "commit to a model directory, open or sealed, or to an endpoint",
				ArgsUsage: "[DIR]",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "name", Usage: "`NAME` of the model, as you will publish it"},
					&cli.BoolFlag{Name: "sealed", Usage: "log a commitment that only your release opens"},
					&cli.StringFlag{Name: "endpoint", Usage: "JSON `FILE` with provider, url and model, for a model without weights"},
					weightsFlag(),
					outFlag(), ledgerFlag(), tsaFlag(), passwordFlag(), yesFlag(), dryRunFlag(), quietFlag(),
				},
				Action: e.runCommitModel,
			},
		},
	}
}

func (e *env) runCommitTestset(c *cli.Context) error {
	if err := need(c, "name"); err != nil {
		return err
	}
	if err := checkNear(c); err != nil {
		return err
	}
	if c.Bool("next") {
		return e.runCommitNext(c)
	}
	if c.IsSet("retire") || c.IsSet("reason") {
		return usagef("--retire and --reason go with --next")
	}
	file, err := oneArg(c, "the file of items")
	if err != nil {
		return err
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	name := c.String("name")
	out, err := outName(c, name, "testset")
	if err != nil {
		return err
	}
	storeDir, done, err := h.secretDir(c, setSecretsDir, testset.ID(h.config.Issuer, name))
	if err != nil {
		return err
	}
	defer done()
	if access := c.String("access"); access != "private" && access != "public" {
		return usagef("--access %q: want private or public", access)
	}
	bindings, err := readBindings(c.StringSlice("bind"))
	if err != nil {
		return err
	}
	s, err := e.issuing(c, h)
	if err != nil {
		return err
	}
	defer s.close(e.ctx)
	if err := s.makeRoom(storeDir, name); err != nil {
		return err
	}
	version, err := e.commitItems(c, file, h.config.Issuer, name, storeDir)
	if err != nil {
		return err
	}
	pack := attest.NewPack()
	p := newTestset(version, pack)
	p.Access, p.Bindings, p.Canary = c.String("access"), bindings, c.String("canary")
	entry, err := s.logAndPack(e.ctx, p, pack, out)
	if err != nil {
		if entry == nil {
			os.RemoveAll(storeDir) // nothing was signed: the secret commits to nothing
		}
		return err
	}
	fmt.Fprintf(e.stdout, "test set  %s\nitems     %d\nfields    %s\nkey       %s\nsetID     %s\nroot      %s\nstatement %s\npack      %s\n",
		name, version.Size, strings.Join(version.Fields, ", "), keyText(version.Key), version.ID, version.Root, entry.Statement.ID, out)
	e.note(c, "public from now on: %s.\nSecret, in %s:\nwhat opens the items. \"proctor open %s --all --private\" makes the evaluator's opening.", becomesPublic(p), storeDir, name)
	return nil
}

// newTestset says what a version is, and puts its public parts into the pack.
func newTestset(v *testset.Version, pack *attest.Pack) *attest.Testset {
	return &attest.Testset{
		SetID: v.ID, Name: v.Name,
		Version:     attest.Version{Size: v.Size, Root: v.Root, Active: v.Active},
		Fields:      v.Fields,
		KeyMember:   v.Key,
		Skeleton:    pack.AddArtifact(testset.FormatSkeleton(v.Leaves), "application/vnd.proctor.skeleton", "skeleton"),
		Bitmap:      pack.AddArtifact(v.Bitmap, "application/vnd.proctor.bitmap", "bitmap"),
		Duplicates:  v.Duplicates,
		Edits:       v.Edits,
		Consistency: v.Consistency,
	}
}

func keyText(member string) string {
	if member == "" {
		return "the row number, from 0"
	}
	return "member " + member
}

// makeRoom refuses a name that is taken. A store whose commitment was never signed
// was left by a command that was killed: it commits to nothing and goes.
func (s *issuing) makeRoom(storeDir, name string) error {
	for _, e := range s.chain {
		if set, ok := e.Statement.Predicate.(*attest.Testset); ok && set.Name == name {
			return withHint(fmt.Errorf("you have committed to a test set %q already", name),
				"another set needs another name; --next makes the next version of this one")
		}
	}
	return s.clear(storeDir)
}

func (e *env) commitItems(c *cli.Context, file, issuer, name, storeDir string) (*testset.Version, error) {
	src := testset.Source{Name: file, Open: func() (io.ReadCloser, error) { return os.Open(file) }}
	bar := e.progress(c, "reading "+filepath.Base(file), fileSize(file))
	opts := testset.Options{Key: c.String("key"), Progress: bar.rows}
	if fields := c.String("fields"); fields != "" {
		opts.Fields = strings.Split(fields, ",")
	}
	shape, err := testset.Survey(c.Context, src, opts)
	bar.done()
	if err != nil {
		return nil, err
	}
	if c.Bool("near") {
		if err := e.reportNear(c, src, shape); err != nil {
			return nil, err
		}
	}
	secret, err := testset.NewSecret(rand.Reader)
	if err != nil {
		return nil, err
	}
	bar = e.progress(c, "committing", fileSize(file))
	defer bar.done()
	version, err := testset.CreateStore(storeDir, secret, func(private io.Writer) (*testset.Version, error) {
		return testset.Commit(c.Context, src, shape, testset.Config{
			Issuer: issuer, Name: name, Secret: secret,
			AllowDuplicates: c.Bool("allow-duplicates"), Progress: bar.rows,
		}, private)
	})
	var duplicates *testset.DuplicatesError
	if errors.As(err, &duplicates) {
		return nil, withHint(err, "remove them, or keep and list them with --allow-duplicates")
	}
	return version, err
}

func readBindings(list []string) (map[string]attest.Hash, error) {
	bindings := map[string]attest.Hash{}
	for _, b := range list {
		what, file, ok := strings.Cut(b, "=")
		if !ok {
			return nil, usagef("--bind %q: want WHAT=FILE", b)
		}
		sum, err := fileDigest(file)
		if err != nil {
			return nil, err
		}
		bindings[what] = sum
	}
	if len(bindings) == 0 {
		return nil, nil
	}
	return bindings, nil
}

func digestOf(data []byte) attest.Hash { return sha256.Sum256(data) }

func fileDigest(name string) (sum attest.Hash, err error) {
	f, err := os.Open(name)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	d := sha256.New()
	if _, err := io.Copy(d, f); err != nil {
		return sum, err
	}
	return attest.Hash(d.Sum(nil)), nil
}

func (e *env) runCommitModel(c *cli.Context) error {
	if err := need(c, "name"); err != nil {
		return err
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	out, err := outName(c, c.String("name"), "model")
	if err != nil {
		return err
	}
	pack := attest.NewPack()
	p := &attest.Model{Name: c.String("name")}
	var secret *sealed
	switch {
	case c.String("endpoint") != "":
		err = endpointModel(c, p)
	default:
		secret, err = e.weightsModel(c, h, p, pack)
	}
	if err != nil {
		return err
	}
	s, err := e.issuing(c, h)
	if err != nil {
		return err
	}
	defer s.close(e.ctx)
	if secret != nil && !c.Bool("dry-run") {
		if err := h.keepSeal(secret); err != nil {
			return err
		}
	}
	entry, err := s.logAndPack(e.ctx, p, pack, out)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "model     %s\n%-9s %s\n", p.Name, p.Model.Kind, p.Model.ID)
	if p.Package != nil {
		fmt.Fprintf(e.stdout, "package   %s\n", p.Package)
	}
	for _, r := range p.Roles {
		fmt.Fprintf(e.stdout, "          %s %s\n", r.Digest, r.Role)
	}
	for _, u := range p.Uncovered {
		fmt.Fprintf(e.stdout, "uncovered %s\n", u)
	}
	fmt.Fprintf(e.stdout, "statement %s\npack      %s\n", entry.Statement.ID, out)
	if secret != nil {
		e.note(c, "public from now on: %s.\nThe seal lies in %s; \"proctor release\" opens it.", becomesPublic(p), h.path(sealSecretsDir))
	}
	return nil
}

func endpointModel(c *cli.Context, p *attest.Model) error {
	if err := noArgs(c); err != nil {
		return err
	}
	if c.Bool("sealed") {
		return usagef("an endpoint cannot be sealed: it has no bytes to commit to")
	}
	name := c.String("endpoint")
	data, err := readLimited(name, 1<<16)
	if err != nil {
		return err
	}
	if err := attest.CheckJSON(data); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	p.Endpoint = new(attest.Endpoint)
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.DisallowUnknownFields()
	if err := d.Decode(p.Endpoint); err != nil {
		return withHint(fmt.Errorf("%s: %w", name, err), `want {"provider":"…","url":"https://…","model":"…"}`)
	}
	p.Model = attest.ModelRef{Kind: attest.ModelEndpoint, ID: model.EndpointID(p.Endpoint.Provider, p.Endpoint.URL, p.Endpoint.Model)}
	return nil
}

func (e *env) weightsModel(c *cli.Context, h *home, p *attest.Model, pack *attest.Pack) (*sealed, error) {
	dir, err := oneArg(c, "the model's directory")
	if err != nil {
		return nil, err
	}
	m, err := e.digestModel(c, dir)
	if err != nil {
		return nil, err
	}
	if c.Bool("sealed") {
		s := &sealed{Issuer: h.config.Issuer, Name: p.Name, Model: m}
		if _, err := rand.Read(s.Secret[:]); err != nil {
			return nil, err
		}
		s.Commitment = model.Seal(s.Secret, h.config.Issuer, m.ID)
		p.Model = attest.ModelRef{Kind: attest.ModelSealed, ID: s.Commitment}
		return s, nil
	}
	manifest, err := m.Manifest()
	if err != nil {
		return nil, err
	}
	artifact := pack.AddArtifact(manifest, manifestType, "manifest.json")
	p.Model = attest.ModelRef{Kind: attest.ModelWeights, ID: m.ID}
	p.Roles, p.Package, p.Uncovered, p.Manifest = m.Roles, &m.Package, m.Uncovered, &artifact
	return nil, nil
}

// sealed is what a lab must keep to open a sealed model.
type sealed struct {
	Commitment attest.Hash  `json:"commitment"`
	Secret     attest.Hash  `json:"secret"`
	Issuer     string       `json:"issuer"`
	Name       string       `json:"name"`
	Model      *model.Model `json:"model"`
}

// keepSeal is called before the commitment is logged: a seal that was lost could
// never be opened.
func (h *home) keepSeal(s *sealed) error {
	data, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return err
	}
	return durable.WriteFile(h.path(sealSecretsDir, s.Commitment.String()+".json"), append(data, '\n'), 0o600)
}

func (h *home) readSeal(commitment attest.Hash) (*sealed, error) {
	data, err := readLimited(h.path(sealSecretsDir, commitment.String()+".json"), 1<<28)
	if err != nil {
		return nil, err
	}
	var s sealed
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("seal %s: %w", commitment.Short(), err)
	}
	return &s, nil
}
