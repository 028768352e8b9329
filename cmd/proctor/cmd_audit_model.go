package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/hub"
)

func (e *env) cmdAuditModel() *cli.Command {
	return &cli.Command{
		Name:      "model-match",
		Usage:     "compare a committed model with what is published, file by file",
		ArgsUsage: "MODEL PUBLISHED",
		Description: "MODEL is a statement, by its pack, id or name, or a manifest. PUBLISHED is a listing of\n" +
			"the Hub's API (\"proctor fetch hf:ORG/NAME\" saves one), a list that sha256sum wrote, an LFS\n" +
			"pointer, a signature (model.sig), a directory, or with --revision a git repository. Every file is the same, differs, is absent or uncovered. Exit\n" +
			"status: 0 all are the same, 3 a part of the model is not, 4 other files are not, or some\n" +
			"could not be compared. Opens no socket; signs nothing. \"proctor help hub\" says more.",
		Flags: append([]cli.Flag{
			revisionFlag(),
			&cli.BoolFlag{Name: "all", Usage: "list the files that are the same too"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object"},
			quietFlag(),
		}, trustFlags()...),
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
	Files []hub.Match `json:"files"`
}

func (e *env) runAuditModel(c *cli.Context) error {
	if c.Args().Len() != 2 {
		return usagef("audit model-match needs a model and what is published")
	}
	stated, err := e.statedModel(c.Args().Get(0))
	if err != nil {
		return err
	}
	l, err := e.readListing(c, c.Args().Get(1))
	if err != nil {
		return err
	}
	out := modelMatch{
		Model: stated.name, ModelID: stated.model.ID, Source: c.Args().Get(1), Kind: l.Kind, Tier: l.Tier(),
		Repo: l.Repo, Revision: l.Revision, Partial: l.Partial, Files: hub.Compare(stated.model, l),
	}
	out.Summary = hub.Summarize(out.Files)
	if out.Same+out.Differs+out.Unknown == 0 {
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
	case out.Summary.Model > 0:
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
	if m.Partial != "" {
		fmt.Fprintf(e.stdout, "not all   %s\n", printable(m.Partial))
	}
	if said := m.notShown(); said != "" {
		fmt.Fprintf(e.stdout, "not shown %s\n", said)
	}
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
