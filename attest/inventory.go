package attest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// InventoryType is the media type of an inventory's list.
const InventoryType = "application/vnd.proctor.inventory+jsonl"

// Inventory says what a ledger held of what a query asks for, up to one of its trees:
// all of it. It carries notBefore, a round that was public before the ledger was read.
// Exactly one of Found and List is there.
type Inventory struct {
	Header
	Ledger        string         `json:"ledger"` // origin
	Size          uint64         `json:"size"`
	Root          Hash           `json:"root"`
	Checkpoint    string         `json:"checkpoint"` // signed and cosigned note of that tree
	Query         Query          `json:"query"`
	Found         []Found        `json:"found,omitzero"` // by index
	List          *Artifact      `json:"list,omitempty"`
	Equivocations []Equivocation `json:"equivocations"`
	Unknown       uint64         `json:"unknown"` // that answer to the query, by nobody whom the monitor knows
}

// Query is what an inventory was asked for: an issuer's statements, a lab's runs on a
// test set and what became of them, or what names a statement.
type Query struct {
	Issuer string `json:"issuer,omitempty"`
	SetID  Hash   `json:"setID,omitzero"`
	Lab    string `json:"lab,omitempty"`
	Target Hash   `json:"target,omitzero"`
}

func (q Query) String() string {
	switch {
	case q.Issuer != "":
		return "statements of " + q.Issuer
	case q.Lab != "":
		return "runs of " + q.Lab + " on test set " + q.SetID.String()
	}
	return "statements about " + q.Target.String()
}

// Found is a statement that an inventory lists.
type Found struct {
	ID     Hash   `json:"id"`
	Index  uint64 `json:"index"` // of its first copy
	Issuer string `json:"issuer"`
	Kind   string `json:"kind"`
	Of     Hash   `json:"of,omitzero"` // the run, result or statement that it is about
	Seq    uint64 `json:"seq"`
}

// Equivocation is two statements that have one number.
type Equivocation struct {
	Issuer string  `json:"issuer"`
	Seq    uint64  `json:"seq"`
	IDs    [2]Hash `json:"ids"`
}

func (*Inventory) Kind() string { return "inventory" }

// Subjects names the ledger's tree.
func (p *Inventory) Subjects() []Subject {
	return []Subject{{p.Ledger, map[string]string{digestSHA256: p.Root.String()}}}
}

// maxFound is how many statements a list can have.
const maxFound = 1 << 20

// FormatFound writes a list, a line for each statement.
func FormatFound(list []Found) ([]byte, error) {
	var b bytes.Buffer
	for _, f := range list {
		raw, err := json.Marshal(f)
		if err != nil {
			return nil, err
		}
		line, err := Canonicalize(raw)
		if err != nil {
			return nil, err
		}
		b.Write(append(line, '\n'))
	}
	return b.Bytes(), nil
}

// ParseFound reads a list strictly: only bytes that FormatFound writes, each index
// above the one before.
func ParseFound(data []byte) ([]Found, error) {
	list := []Found{}
	for line := range bytes.Lines(data) {
		var f Found
		if len(list) == maxFound {
			return nil, fmt.Errorf("inventory list: more than %d statements", maxFound)
		}
		if err := CheckCanonical(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			return nil, fmt.Errorf("inventory list: line %d: %w", len(list)+1, err)
		}
		if err := decodeStrict(line, &f); err != nil {
			return nil, fmt.Errorf("inventory list: line %d: %w", len(list)+1, err)
		}
		list = append(list, f)
	}
	if again, err := FormatFound(list); err != nil || !bytes.Equal(again, data) {
		return nil, fmt.Errorf("inventory list: want lines of the members id, index, issuer, kind, of and seq, and no others")
	}
	return list, checkFound(list)
}

// Listed returns what the inventory found. Its list is the bytes of the artifact, which
// are not asked for where the statement has them itself.
func (p *Inventory) Listed(list []byte) (found []Found, err error) {
	if found = p.Found; p.List != nil {
		found, err = ParseFound(list)
	} else {
		err = checkFound(found)
	}
	if err == nil && !slices.Equal(Equivocations(found), p.Equivocations) {
		err = errors.New("inventory list: other equivocations than the statement names")
	}
	if n := len(found); err == nil && n > 0 && found[n-1].Index >= p.Size {
		err = fmt.Errorf("inventory list: index %d is outside a tree of %d", found[n-1].Index, p.Size)
	}
	return found, err
}

// checkFound holds a list against its order.
func checkFound(list []Found) error {
	for i := range list {
		if i > 0 && list[i].Index <= list[i-1].Index {
			return fmt.Errorf("inventory list: index %d after %d", list[i].Index, list[i-1].Index)
		}
	}
	return nil
}

// Equivocations are the first 32 pairs in a list that have one issuer and number.
func Equivocations(list []Found) []Equivocation {
	type number struct {
		issuer string
		seq    uint64
	}
	first, pairs := map[number]Hash{}, []Equivocation{}
	for _, f := range list {
		n := number{f.Issuer, f.Seq}
		id, ok := first[n]
		switch {
		case !ok:
			first[n] = f.ID
		case id != f.ID && len(pairs) < 32:
			pairs = append(pairs, Equivocation{f.Issuer, f.Seq, [2]Hash{id, f.ID}})
		}
	}
	return pairs
}
