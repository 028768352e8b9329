package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/hub"
	"github.com/proctor-attest/proctor/attest/model"
)

func (e *env) cmdAuditModel() *cli.Command {
	return &cli.Command{
		Name:      "model-match",
		Usage:     "compare a committed model with what is published, and sign what was found",
		ArgsUsage: "MODEL PUBLISHED",
		Description: "MODEL is a statement, by its pack, id or name, or a manifest. PUBLISHED is what\n" +
			"\"proctor fetch hf:ORG/NAME\" saved, a listing of the Hub's API or a sample; a list that\n" +
			"sha256sum wrote; an LFS pointer; a signature (model.sig); a directory; or with --revision a git repository. Every\n" +
			"file is the same, differs, is absent or uncovered. Exit status: 0 all are the same, 3 a\n" +
			"part of the model is not, 4 other files are not, or some could not be compared. Opens no\n" +
			"socket. With --sign, MODEL is a release: what was found is signed and logged, for readers\n" +
			"who do not have the weights. \"proctor help hub\" says more.",
		Flags: append([]cli.Flag{
			revisionFlag(),
			&cli.BoolFlag{Name: "sign", Usage: "sign and log what was found, as an auditor"},
			&cli.BoolFlag{Name: "all", Usage: "list the files that are the same too"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object"},
			quietFlag(),
		}, append(trustFlags(), signMatchFlags()...)...),
		Action: e.runAuditModel,
	}
}

func revisionFlag() cli.Flag {
	return &cli.StringFlag{Name: "revision", Usage: "read the files of `COMMIT` from a git repository, bare or not, with Git LFS pointers"}
}

// modelMatch is a comparison as --json prints it.
type modelMatch struct {
	Model    string      `json:"model"`
	ModelID  attest.Hash `json:"modelID"`
	Source   string      `json:"source"`
	Kind     string      `json:"kind"`
	Tier     int         `json:"tier,omitempty"`
	Repo     string      `json:"repo,omitempty"`
	Revision string      `json:"revision,omitempty"`
	Partial  string      `json:"partial,omitempty"`
	hub.Summary
	Files  []hub.Match  `json:"files"`
	Sample *sampleMatch `json:"sample,omitempty"`
}

// sampleMatch is what a sample shows beside its listing.
type sampleMatch struct {
	ModelID attest.Hash `json:"modelID"`
	Seed    attest.Hash `json:"seed"`
	Draws   int         `json:"draws"`
	Tensors int         `json:"tensors"`
	Of      int         `json:"of"`
	Bytes   uint64      `json:"bytes"`
	OfBytes uint64      `json:"ofBytes"`
	Differs []string    `json:"differs"`
	Missed1 float64     `json:"missed1"` // probability to miss altered tensors with 1 % of all bytes
}

func (e *env) runAuditModel(c *cli.Context) error {
	if c.Args().Len() != 2 {
		return usagef("audit model-match needs a model and what is published")
	}
	if c.Bool("sign") {
		return e.signMatch(c)
	}
	if err := e.refuseSignFlags(c); err != nil {
		return err
	}
	stated, err := e.statedModel(c.Args().Get(0))
	if err != nil {
		return err
	}
	saved, done, err := openSaved(c.Args().Get(1))
	if err != nil {
		return err
	}
	defer done()
	var l *hub.Listing
	if saved != nil {
		l = saved.Listing
	} else if l, err = e.readListing(c, c.Args().Get(1)); err != nil {
		return err
	}
	out := modelMatch{
		Model: stated.name, ModelID: stated.model.ID, Source: c.Args().Get(1), Kind: l.Kind, Tier: l.Tier(),
		Repo: l.Repo, Revision: l.Revision, Partial: l.Partial, Files: append([]hub.Match{}, hub.Compare(stated.model, l)...),
	}
	out.Summary = hub.Summarize(out.Files)
	if saved != nil {
		if out.Sample, err = checkSaved(c.Context, saved, stated.model); err != nil {
			return fmt.Errorf("%s: %w", out.Source, err)
		}
		out.Kind, out.Tier = sampleKind, 3
	}
	if out.Same+out.Differs+out.Unknown == 0 && saved == nil {
		return withHint(fmt.Errorf("%s: no file of it has the name of one of the model's", out.Source), "paths must be those in the repository, such as model.safetensors")
	}
	if c.Bool("json") {
		err = e.printJSON(out)
	} else {
		e.printMatch(out, c.Bool("all"))
	}
	switch {
	case err != nil:
		return err
	case saved != nil && out.Sample.ModelID == out.ModelID && out.Summary.Model > 0:
		return &verdictError{exitGaps} // the same tensors in other files
	case out.Summary.Model > 0 || saved != nil && out.Sample.ModelID != out.ModelID:
		return &verdictError{exitContradicted}
	case out.Beside+out.Unknown+out.NotListed > 0:
		return &verdictError{exitGaps}
	}
	return nil
}

func (e *env) printMatch(m modelMatch, all bool) {
	fmt.Fprintf(e.stdout, "model     %s %s\nwith      %s, %s", m.Model, m.ModelID, m.Source, m.Kind)
	if m.Repo != "" {
		fmt.Fprintf(e.stdout, " of %s", m.Repo)
	}
	if m.Revision != "" {
		fmt.Fprintf(e.stdout, " at %s", m.Revision)
	}
	if m.Tier != 0 {
		fmt.Fprintf(e.stdout, " (T%d)", m.Tier)
	}
	fmt.Fprintln(e.stdout)
	for _, f := range m.Files {
		if f.State == hub.Same && !all {
			continue
		}
		text := f.Path
		if f.Part != "" {
			text += " (" + f.Part + ")"
		}
		if f.By != "" {
			text += ", by " + f.By
		}
		if f.Detail != "" {
			text += ": " + f.Detail
		}
		fmt.Fprintf(e.stdout, "%-10s%s\n", f.State, printable(text))
	}
	fmt.Fprintf(e.stdout, "%s\n", m.counts())
	if s := m.Sample; s != nil {
		e.printSample(m, s)
		return
	}
	if m.Partial != "" {
		fmt.Fprintf(e.stdout, "not all   %s\n", printable(m.Partial))
	}
	if said := m.notShown(); said != "" {
		fmt.Fprintf(e.stdout, "not shown %s\n", said)
	}
}

func (e *env) printSample(m modelMatch, s *sampleMatch) {
	same := "the same, were all tensors that were not read"
	if s.ModelID != m.ModelID {
		same = "another one"
	}
	fmt.Fprintf(e.stdout, "read      %d of %d tensors, %s of %s, in %d draws by bytes\n", s.Tensors, s.Of, size(int64(s.Bytes)), size(int64(s.OfBytes)), s.Draws)
	fmt.Fprintf(e.stdout, "modelID   %s, %s\n", s.ModelID, same)
	for _, d := range s.Differs {
		fmt.Fprintf(e.stdout, "          %s\n", printable(d))
	}
	fmt.Fprintf(e.stdout, "%s\nnot shown that the other tensors are the model's, or that the hub sends everybody the same\n          bytes; the sample is as random as whoever took it says\n", missedText(s.Draws))
}

// checkSaved compares a model with a sample.
func checkSaved(ctx context.Context, saved *hub.Saved, m *model.Model) (*sampleMatch, error) {
	found, err := saved.Check(ctx, m)
	if err != nil {
		return nil, err
	}
	return &sampleMatch{
		ModelID: found.ID, Seed: saved.Seed, Draws: found.Draws, Tensors: found.Tensors, Of: found.Of,
		Bytes: found.Bytes, OfBytes: found.OfAll, Differs: append([]string{}, found.Differs...), Missed1: hub.Missed(0.01, found.Draws),
	}, nil
}

func (m modelMatch) counts() string {
	text := fmt.Sprintf("files     %d the same", m.Same)
	if m.BySHA1 > 0 {
		text += fmt.Sprintf(" (%d by git's SHA-1 alone)", m.BySHA1)
	}
	for _, part := range []struct {
		n    int
		word string
	}{{m.Differs, "differ"}, {m.Absent, "absent"}, {m.Uncovered, "uncovered"}, {m.Unknown, "not comparable"}, {m.NotListed, "not listed"}} {
		if part.n > 0 {
			text += fmt.Sprintf(", %d %s", part.n, part.word)
		}
	}
	return text
}

// notShown says what such a comparison leaves open.
func (m modelMatch) notShown() string {
	var lines []string
	if m.Kind != hub.KindFiles {
		lines = append(lines, "that the bytes which are served are those: no file of the model was read")
	}
	for _, f := range m.Files {
		if f.Part == "weights" && f.State != hub.Same {
			lines = append(lines, "whether the tensors differ: the same tensors can be in other files")
			break
		}
	}
	return strings.Join(lines, "\n          ")
}
