package asm

// The value types of the binary format.
const (
	typeI32  byte = 0x7f
	typeF32  byte = 0x7d
	typeV128 byte = 0x7b
)

// Func is a function under construction.
type Func struct {
	name   string
	index  int
	params []byte // types
	locals []byte // types, after the parameters
	result []byte // no type or one
	code   []byte
}

func (f *Func) signature() []byte {
	return cat([]byte{0x60}, sized(f.params), sized(f.result))
}

func (f *Func) encode() []byte {
	var runs [][]byte // of locals of one type
	for i := 0; i < len(f.locals); {
		j := i
		for j < len(f.locals) && f.locals[j] == f.locals[i] {
			j++
		}
		runs = append(runs, append(uleb(uint64(j-i)), f.locals[i]))
		i = j
	}
	return cat(uleb(uint64(len(runs))), cat(runs...), f.code, []byte{opEnd})
}

func (f *Func) emit(parts ...[]byte) { f.code = append(f.code, cat(parts...)...) }

// local is where a variable lives.
type local struct {
	f     *Func
	index int
}

func (l local) get() []byte      { return cat([]byte{0x20}, uleb(uint64(l.index))) }
func (l local) set(value []byte) { l.f.emit(value, []byte{0x21}, uleb(uint64(l.index))) }
func (f *Func) local(t byte) local {
	f.locals = append(f.locals, t)
	return local{f, len(f.params) + len(f.locals) - 1}
}

func (f *Func) param(t byte) local {
	if len(f.locals) > 0 {
		panic("asm: " + f.name + ": parameters come before locals")
	}
	f.params = append(f.params, t)
	return local{f, len(f.params) - 1}
}

// VarI32, VarF32 and VarV128 are variables: expressions that read them, and a
// Set that emits an assignment.
type (
	VarI32 struct {
		I32
		local
	}
	VarF32 struct {
		F32
		local
	}
	VarV128 struct {
		V128
		local
	}
)

func varI32(l local) VarI32 { return VarI32{I32{l.get()}, l} }

// Arg adds an i32 parameter, ArgF32 an f32 one.
func (f *Func) Arg() VarI32 { return varI32(f.param(typeI32)) }
func (f *Func) ArgF32() VarF32 {
	l := f.param(typeF32)
	return VarF32{F32{l.get()}, l}
}

// Int, Float and Vec add local variables, which start as zero.
func (f *Func) Int() VarI32 { return varI32(f.local(typeI32)) }
func (f *Func) Float() VarF32 {
	l := f.local(typeF32)
	return VarF32{F32{l.get()}, l}
}
func (f *Func) Vec() VarV128 {
	l := f.local(typeV128)
	return VarV128{V128{l.get()}, l}
}

// Vecs adds n vector variables.
func (f *Func) Vecs(n int) []VarV128 {
	v := make([]VarV128, n)
	for i := range v {
		v[i] = f.Vec()
	}
	return v
}

// Let adds a variable that holds the expression's value from here on.
func (f *Func) Let(e I32) VarI32 {
	v := f.Int()
	v.Set(e)
	return v
}

// LetVec is Let for a vector.
func (f *Func) LetVec(e V128) VarV128 {
	v := f.Vec()
	v.Set(e)
	return v
}

// Set assigns.
func (v VarI32) Set(e I32)   { v.set(e.code) }
func (v VarF32) Set(e F32)   { v.set(e.code) }
func (v VarV128) Set(e V128) { v.set(e.code) }
