package main

import (
	"encoding/json"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
)

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
