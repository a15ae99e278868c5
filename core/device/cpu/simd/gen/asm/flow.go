package asm

const (
	opEnd     = 0x0b
	voidBlock = 0x40
)

// If runs then where cond is not 0.
func (f *Func) If(cond I32, then func()) {
	f.emit(cond.code, []byte{0x04, voidBlock})
	then()
	f.emit([]byte{opEnd})
}

// IfElse runs one of two.
func (f *Func) IfElse(cond I32, then, otherwise func()) {
	f.emit(cond.code, []byte{0x04, voidBlock})
	then()
	f.emit([]byte{0x05})
	otherwise()
	f.emit([]byte{opEnd})
}

// Do runs body, and again as long as cond holds after it.
func (f *Func) Do(body func(), cond I32) {
	f.emit([]byte{0x03, voidBlock})
	body()
	f.emit(cond.code, []byte{0x0d, 0, opEnd}) // br_if to the loop's head
}

// While runs body as long as cond holds before it. The test stands at the end
// of the loop (and once before it), which saves a jump per round.
func (f *Func) While(cond I32, body func()) {
	f.If(cond, func() { f.Do(body, cond) })
}

// Return leaves a function without result.
func (f *Func) Return() { f.emit([]byte{0x0f}) }

// ReturnF32 leaves the function with a value and makes f32 its result type.
// It must be the last statement.
func (f *Func) ReturnF32(e F32) {
	f.result = []byte{typeF32}
	f.emit(e.code)
}

// ReturnI32 is ReturnF32 for an i32.
func (f *Func) ReturnI32(e I32) {
	f.result = []byte{typeI32}
	f.emit(e.code)
}

// Expr is any expression.
type Expr interface{ bytes() []byte }

func (e I32) bytes() []byte { return e.code }
func (e F32) bytes() []byte { return e.code }

// Call calls a function without result.
func (f *Func) Call(g *Func, args ...Expr) { f.emit(call(g, args)) }

func call(g *Func, args []Expr) []byte {
	if len(args) != len(g.params) {
		panic("asm: call of " + g.name + " with the wrong number of arguments")
	}
	var code []byte
	for _, a := range args {
		code = append(code, a.bytes()...)
	}
	return cat(code, []byte{0x10}, uleb(uint64(g.index)))
}

// memarg is an address's constant part. The alignment is a hint that engines
// ignore; 0 promises nothing.
func memarg(offset int) []byte { return cat([]byte{0}, uleb(uint64(offset))) }

// StoreF32 and StoreVec write to memory at addr+offset.
func (f *Func) StoreF32(addr Addr, offset int, v F32) {
	f.emit(addr.address(), v.code, []byte{0x38}, memarg(offset))
}
func (f *Func) StoreVec(addr Addr, offset int, v V128) {
	f.emit(addr.address(), v.code, simd(11), memarg(offset))
}

// Fill writes zeros to bytes of memory at addr.
func (f *Func) Fill(addr, bytes I32) {
	f.emit(addr.code, Int(0).code, bytes.code, []byte{0xfc, 11, 0})
}

// StoreLane writes one 32-bit lane of v.
func (f *Func) StoreLane(addr Addr, offset, lane int, v V128) {
	f.emit(addr.address(), v.code, simd(90), memarg(offset), []byte{byte(lane)})
}

// Addr is an I32 or a VarI32 used as an address.
type Addr interface{ address() []byte }

func (e I32) address() []byte { return e.code }
