package model

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// What a pickle may have, far above what a state dict of a hundred thousand
// tensors has.
const (
	maxPickle = 32 << 20
	maxStack  = 1 << 14 // Python sets a thousand items at a time
	maxMemo   = 1 << 20
	maxItems  = 1 << 20 // of dicts
)

// The opcodes that torch.save writes for tensors in dicts and lists. Nothing else is
// read: a pickle is a program, and this is not its interpreter.
const (
	opMark     = '('
	opFloat    = 'G'
	opList     = ']'
	opAppend   = 'a'
	opAppends  = 'e'
	opStop     = '.'
	opInt4     = 'J'
	opInt1     = 'K'
	opInt2     = 'M'
	opNone     = 'N'
	opPersID   = 'Q'
	opReduce   = 'R'
	opText     = 'X'
	opNoTuple  = ')'
	opBuild    = 'b'
	opGlobal   = 'c'
	opGet      = 'h'
	opLongGet  = 'j'
	opPut      = 'q'
	opLongPut  = 'r'
	opSetItem  = 's'
	opTuple    = 't'
	opSetItems = 'u'
	opDict     = '}'
	opProto    = 0x80
	opTuple1   = 0x85
	opTuple2   = 0x86
	opTuple3   = 0x87
	opTrue     = 0x88
	opFalse    = 0x89
	opLong     = 0x8a
)

// refusedOps names opcodes that could be met, for errors.
var refusedOps = map[byte]string{
	'0': "POP", '2': "DUP", 'F': "FLOAT", 'I': "INT", 'L': "LONG", 'P': "PERSID",
	'S': "STRING", 'T': "BINSTRING", 'U': "SHORT_BINSTRING", 'V': "UNICODE",
	'd': "DICT", 'g': "GET", 'i': "INST", 'l': "LIST", 'o': "OBJ",
	'p': "PUT", 0x81: "NEWOBJ", 0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4", 0x8c: "SHORT_BINUNICODE",
	0x8e: "BINBYTES8", 0x92: "NEWOBJ_EX", 0x93: "STACK_GLOBAL", 0x94: "MEMOIZE", 0x95: "FRAME",
}

// The values of a pickle are nil, bool, int64, string, and these.
type (
	pyMark   struct{}
	pyTuple  []any
	pyGlobal string // module and name with a dot between
	pyOther  string // what it is, of which nothing is kept
	pyDict   struct {
		ordered bool
		items   []pyItem // as they were set; a name may be there twice
	}
	pyItem struct {
		key   string
		value any
	}
)

// pickle reads one pickle. What its globals stand for is up to call and load,
// which are given arguments, never code.
type pickle struct {
	data  []byte
	at    int
	stack []any
	memo  []any
	items int

	known func(global string) bool
	call  func(global string, args []any) (any, error)
	load  func(id any) (any, error) // a persistent id
}

// read returns the value that the pickle stands for.
func (p *pickle) read() (any, error) {
	if len(p.data) > maxPickle {
		return nil, fmt.Errorf("pickle of %d bytes, the most is %d", len(p.data), maxPickle)
	}
	for {
		at := p.at
		op, err := p.take(1)
		if err != nil {
			return nil, err
		}
		if op[0] == opStop {
			break
		}
		if err := p.step(op[0]); err != nil {
			return nil, fmt.Errorf("pickle, byte %d: %w", at, err)
		}
		if len(p.stack) > maxStack || len(p.memo) > maxMemo {
			return nil, fmt.Errorf("pickle, byte %d: more values at once than a state dict has", at)
		}
	}
	if len(p.stack) != 1 || p.at != len(p.data) {
		return nil, fmt.Errorf("pickle ends with %d values and %d bytes to come, want one value and no bytes", len(p.stack), len(p.data)-p.at)
	}
	return p.pop()
}

func (p *pickle) step(op byte) error {
	switch op {
	case opMark:
		p.push(pyMark{})
	case opNone:
		p.push(nil)
	case opTrue, opFalse:
		p.push(op == opTrue)
	case opFloat:
		p.push(pyOther("a number"))
		_, err := p.take(8)
		return err
	case opList:
		p.push(pyOther("a list"))
	case opAppend, opAppends:
		return p.appendItems(op)
	case opNoTuple:
		p.push(pyTuple{})
	case opDict:
		p.push(&pyDict{})
	case opProto:
		return p.proto()
	case opInt1, opInt2, opInt4, opLong:
		return p.integer(op)
	case opText:
		return p.text()
	case opGlobal:
		return p.global()
	case opPut, opLongPut, opGet, opLongGet:
		return p.memoize(op)
	case opTuple, opTuple1, opTuple2, opTuple3:
		return p.tuple(op)
	case opSetItem, opSetItems:
		return p.setItems(op)
	case opPersID, opReduce, opBuild:
		return p.object(op)
	default:
		name := refusedOps[op]
		if name == "" {
			name = fmt.Sprintf("%#02x", op)
		}
		return fmt.Errorf("opcode %s, which torch.save does not write for tensors", name)
	}
	return nil
}

func (p *pickle) proto() error {
	b, err := p.take(1)
	if err == nil && b[0] != 2 {
		err = fmt.Errorf("protocol %d, want 2, which torch.save writes", b[0])
	}
	return err
}

func (p *pickle) integer(op byte) error {
	size := map[byte]int{opInt1: 1, opInt2: 2, opInt4: 4}[op]
	if op == opLong {
		n, err := p.take(1)
		if err != nil {
			return err
		}
		if size = int(n[0]); size > 8 {
			return fmt.Errorf("an integer of %d bytes", size)
		}
	}
	b, err := p.take(size)
	if err != nil {
		return err
	}
	var wide [8]byte
	if copy(wide[:], b); size > 0 && (op == opLong || op == opInt4) && b[size-1] >= 0x80 {
		for i := size; i < len(wide); i++ {
			wide[i] = 0xff
		}
	}
	p.push(int64(binary.LittleEndian.Uint64(wide[:])))
	return nil
}

func (p *pickle) text() error {
	n, err := p.take(4)
	if err != nil {
		return err
	}
	b, err := p.take(int(binary.LittleEndian.Uint32(n)))
	if err != nil {
		return err
	}
	if !utf8.Valid(b) {
		return errors.New("text that is not UTF-8")
	}
	p.push(string(b))
	return nil
}

// global refuses by name whatever a state dict does not need, before anything can
// come of it.
func (p *pickle) global() error {
	module, err := p.line()
	if err != nil {
		return err
	}
	name, err := p.line()
	if err != nil {
		return err
	}
	full := module + "." + name
	if what := notPlain[full]; what != "" {
		return fmt.Errorf("asks for %s: %s", full, what)
	}
	if !p.known(full) {
		return fmt.Errorf("asks for %.200q, which a state dict does not need (a checkpoint can run code when it is loaded; this was not loaded: save the model's state_dict() alone)", full)
	}
	p.push(pyGlobal(full))
	return nil
}

func (p *pickle) memoize(op byte) error {
	size := 1
	if op == opLongPut || op == opLongGet {
		size = 4
	}
	b, err := p.take(size)
	if err != nil {
		return err
	}
	var wide [4]byte
	copy(wide[:], b)
	n := binary.LittleEndian.Uint32(wide[:])
	if op == opPut || op == opLongPut {
		if len(p.stack) == 0 || p.stack[len(p.stack)-1] == any(pyMark{}) {
			return errors.New("nothing to remember")
		}
		// Python numbers them as they come.
		if n > uint32(len(p.memo)) {
			return fmt.Errorf("remembers number %d after %d", n, len(p.memo))
		}
		if top := p.stack[len(p.stack)-1]; n == uint32(len(p.memo)) {
			p.memo = append(p.memo, top)
		} else {
			p.memo[n] = top
		}
		return nil
	}
	if n >= uint32(len(p.memo)) {
		return fmt.Errorf("recalls %d, which was not remembered", n)
	}
	p.push(p.memo[n])
	return nil
}

func (p *pickle) tuple(op byte) (err error) {
	var items []any
	if op == opTuple {
		items, err = p.popToMark()
	} else {
		items, err = p.popN(int(op-opTuple1) + 1)
	}
	if err == nil {
		p.push(pyTuple(items))
	}
	return err
}

func (p *pickle) setItems(op byte) (err error) {
	var items []any
	if op == opSetItems {
		items, err = p.popToMark()
	} else {
		items, err = p.popN(2)
	}
	if err != nil {
		return err
	}
	dict, err := p.top()
	if err != nil {
		return err
	}
	d, ok := dict.(*pyDict)
	if !ok || len(items)%2 != 0 {
		return fmt.Errorf("sets %d values of %s, want pairs for a dict", len(items), pyKind(dict))
	}
	for i := 0; i < len(items); i += 2 {
		name, ok := items[i].(string)
		if !ok {
			return fmt.Errorf("a key of a dict is %s, want a string", pyKind(items[i]))
		}
		d.items = append(d.items, pyItem{name, items[i+1]})
	}
	if p.items += len(items) / 2; p.items > maxItems {
		return fmt.Errorf("more than %d items in dicts", maxItems)
	}
	return nil
}

func (p *pickle) appendItems(op byte) (err error) {
	if op == opAppends {
		_, err = p.popToMark()
	} else {
		_, err = p.pop()
	}
	if err != nil {
		return err
	}
	if list, err := p.top(); err != nil || list != any(pyOther("a list")) {
		return fmt.Errorf("appends to %s", pyKind(list))
	}
	return nil
}

// object does what makes objects: a call of a known global, the attributes of an
// OrderedDict, a persistent id.
func (p *pickle) object(op byte) error {
	if op == opPersID {
		id, err := p.pop()
		if err != nil {
			return err
		}
		v, err := p.load(id)
		if err == nil {
			p.push(v)
		}
		return err
	}
	args, err := p.popN(2)
	if err != nil {
		return err
	}
	if op == opBuild {
		d, isDict := args[0].(*pyDict)
		state, isState := args[1].(*pyDict)
		// "_metadata" says versions of modules; load_state_dict reads it, and no tensor
		// comes of it.
		if !isDict || !d.ordered || !isState || len(state.items) != 1 || state.items[0].key != "_metadata" {
			return fmt.Errorf("gives %s attributes, want _metadata of an OrderedDict", pyKind(args[0]))
		}
		p.push(d)
		return nil
	}
	global, isGlobal := args[0].(pyGlobal)
	list, isTuple := args[1].(pyTuple)
	if !isGlobal || !isTuple {
		return fmt.Errorf("calls %s with %s", pyKind(args[0]), pyKind(args[1]))
	}
	v, err := p.call(string(global), list)
	if err == nil {
		p.push(v)
	}
	return err
}

func (p *pickle) push(v any) { p.stack = append(p.stack, v) }

func (p *pickle) pop() (any, error) {
	items, err := p.popN(1)
	if err != nil {
		return nil, err
	}
	return items[0], nil
}

func (p *pickle) top() (any, error) {
	if len(p.stack) == 0 {
		return nil, errors.New("takes a value where there is none")
	}
	return p.stack[len(p.stack)-1], nil
}

// popN takes n values, none of which is a mark.
func (p *pickle) popN(n int) ([]any, error) {
	if len(p.stack) < n {
		return nil, errors.New("takes a value where there is none")
	}
	items := append([]any{}, p.stack[len(p.stack)-n:]...)
	for _, item := range items {
		if _, mark := item.(pyMark); mark {
			return nil, errors.New("takes a mark for a value")
		}
	}
	p.stack = p.stack[:len(p.stack)-n]
	return items, nil
}

func (p *pickle) popToMark() ([]any, error) {
	for i := len(p.stack) - 1; i >= 0; i-- {
		if _, mark := p.stack[i].(pyMark); mark {
			items := append([]any{}, p.stack[i+1:]...)
			p.stack = p.stack[:i]
			return items, nil
		}
	}
	return nil, errors.New("no mark")
}

func (p *pickle) take(n int) ([]byte, error) {
	if n > len(p.data)-p.at {
		return nil, fmt.Errorf("pickle ends at byte %d, before %d more", len(p.data), n-(len(p.data)-p.at))
	}
	b := p.data[p.at : p.at+n]
	p.at += n
	return b, nil
}

func (p *pickle) line() (string, error) {
	i := bytes.IndexByte(p.data[p.at:], '\n')
	if i < 0 {
		return "", errors.New("a name without an end")
	}
	b, err := p.take(i + 1)
	return string(b[:i]), err
}

// pyKind names a value for an error.
func pyKind(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "a bool"
	case int64:
		return "an integer"
	case string:
		return "text"
	case pyTuple:
		return "a tuple"
	case pyGlobal:
		return string(v)
	case pyOther:
		return string(v)
	case *pyDict:
		return "a dict"
	case pyMark:
		return "a mark"
	}
	return "a tensor or its storage"
}
