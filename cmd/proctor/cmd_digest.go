package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
	"github.com/proctor-attest/proctor/attest/testset"
)

func (e *env) cmdDigest() *cli.Command {
	return &cli.Command{
		Name:      "digest",
		Usage:     "compute a modelID, or the root of a skeleton or an opening: no key, no ledger",
		ArgsUsage: "DIR|FILE",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object"},
			&cli.BoolFlag{Name: "tensors", Usage: "list every tensor with its leaf"},
			quietFlag(),
		},
		Action: e.runDigest,
	}
}

func (e *env) runDigest(c *cli.Context) error {
	name, err := oneArg(c, "a directory or file")
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return e.printModelDigest(c, name)
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	said, opened, err := testset.PeekOpening(f)
	if err == nil {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if _, err := testset.ScanOpening(f, said, testset.OpeningConfig{Keep: []string{}}, func(testset.OpenedItem) error { return nil }); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return e.printRoot(c, said.Size, said.Root, fmt.Sprintf("opening of %d items, which fit", opened))
	}
	data, err := readLimited(name, 1<<31)
	if err != nil {
		return err
	}
	leaves, err := testset.ParseSkeleton(data)
	if err != nil {
		return withHint(fmt.Errorf("%s: neither a model directory, nor an opening, nor a skeleton", name), err.Error())
	}
	return e.printRoot(c, uint64(len(leaves)), attest.Root(leaves), "skeleton")
}

type modelDigest struct {
	ModelID   attest.Hash         `json:"modelID"`
	Package   attest.Hash         `json:"package"`
	Roles     []attest.RoleDigest `json:"roles"`
	Uncovered []string            `json:"uncovered"`
	Tensors   []tensorDigest      `json:"tensors,omitempty"`
}

type tensorDigest struct {
	model.Tensor
	Leaf attest.Hash `json:"leaf"`
}

func (e *env) printModelDigest(c *cli.Context, dir string) error {
	m, err := e.digestModel(c, dir)
	if err != nil {
		return err
	}
	d := modelDigest{ModelID: m.ID, Package: m.Package, Roles: m.Roles, Uncovered: m.Uncovered}
	if d.Uncovered == nil {
		d.Uncovered = []string{}
	}
	if c.Bool("tensors") {
		for _, t := range m.Tensors {
			d.Tensors = append(d.Tensors, tensorDigest{t, t.Leaf()})
		}
	}
	if c.Bool("json") {
		return e.printJSON(d)
	}
	fmt.Fprintf(e.stdout, "modelID   %s\npackage   %s\n", d.ModelID, d.Package)
	for _, r := range d.Roles {
		fmt.Fprintf(e.stdout, "          %s %s\n", r.Digest, r.Role)
	}
	for _, u := range d.Uncovered {
		fmt.Fprintf(e.stdout, "uncovered %s\n", u)
	}
	for _, t := range d.Tensors {
		fmt.Fprintf(e.stdout, "tensor    %s %s %v %s\n", t.Leaf, t.DType, t.Shape, t.Name)
	}
	return nil
}

func (e *env) printRoot(c *cli.Context, size uint64, root attest.Hash, what string) error {
	if c.Bool("json") {
		return e.printJSON(map[string]any{"size": size, "root": root})
	}
	_, err := fmt.Fprintf(e.stdout, "items     %d\nroot      %s\n          %s\n", size, root, what)
	return err
}

func (e *env) printJSON(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stdout, "%s\n", data)
	return err
}
