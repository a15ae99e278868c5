package gpu

import (
	"context"
	"io"

	"github.com/gogpu/wgpu"

	"handful/core/fault"
	"handful/core/tensor"
)

// value is a variable on the device: its rows in one or more buffers, none
// larger than the adapter binds.
type value struct {
	dt     tensor.DType
	shape  []int
	pieces []piece
	users  int  // programs whose bind groups hold the buffers
	freed  bool // to be released with the last of them
}

// piece holds rows [lo, hi).
type piece struct {
	buf    *wgpu.Buffer
	lo, hi int
}

// chunk is how much of a weight is read and repacked at a time.
const chunk = 4 << 20

// load gives a variable's buffers, uploading it on first use.
func (d *Device) load(ctx context.Context, v *tensor.Var) (*value, error) {
	if x := d.vars[v]; x != nil {
		return x, nil
	}
	rows, cols := 1, tensor.Numel(v.Shape)
	if len(v.Shape) == 2 {
		rows, cols = v.Shape[0], v.Shape[1]
	}
	rb := packedRow(v.DType, cols)
	most := max(1, (d.maxBind-16)/max(1, rb))
	if most < rows && rb%4 != 0 {
		most = max(2, most/2*2) // pieces begin on whole words
	}
	if most < rows && most > 4 {
		most -= most % 4 // and on whole fours of rows, which products like
	}
	x := &value{dt: v.DType, shape: v.Shape}
	for lo := 0; lo < rows; lo += most {
		hi := min(lo+most, rows)
		b, err := d.buffer(v.Name, (hi-lo)*rb, storage)
		if err != nil {
			d.release(x)
			return nil, err
		}
		x.pieces = append(x.pieces, piece{b, lo, hi})
		if err := d.upload(ctx, v, b, lo, hi, cols); err != nil {
			d.release(x)
			return nil, err
		}
	}
	d.vars[v] = x
	return x, nil
}

// upload streams rows of a variable into a piece.
func (d *Device) upload(ctx context.Context, v *tensor.Var, b *wgpu.Buffer, lo, hi, cols int) error {
	rb, stored := packedRow(v.DType, cols), v.DType.Bytes(1, cols)
	step := max(1, chunk/stored)
	if rb%4 != 0 {
		step = max(2, step/2*2)
	}
	var src, packed []byte
	for r := lo; r < hi; r += step {
		if err := ctx.Err(); err != nil {
			return fault.From("upload", err)
		}
		n := min(step, hi-r)
		if cap(src) < n*stored {
			src = make([]byte, n*stored)
		}
		src = src[:n*stored]
		if v.Init == nil {
			clear(src)
		} else if k, err := v.Init.ReadAt(src, int64(r)*int64(stored)); k < len(src) {
			if err == nil {
				err = io.ErrUnexpectedEOF
			}
			return fault.From("read "+v.Name, err)
		}
		packed = repack(v.DType, packed[:0], src)
		for len(packed)%4 != 0 {
			packed = append(packed, 0)
		}
		if err := d.writeBuffer(b, uint64((r-lo)*rb), packed); err != nil {
			return d.fail("upload", err)
		}
	}
	return nil
}

func (d *Device) release(x *value) {
	for _, p := range x.pieces {
		d.drop(p.buf)
	}
}

// Free drops values. Buffers that open programs hold go when those are closed.
func (d *Device) Free(vs ...*tensor.Var) {
	for _, v := range vs {
		if x := d.vars[v]; x != nil {
			delete(d.vars, v)
			if x.freed = true; x.users == 0 {
				d.release(x)
			}
		}
	}
}

// whole gives an F32 variable's one buffer.
func (d *Device) whole(ctx context.Context, op string, v *tensor.Var, n int) (*wgpu.Buffer, error) {
	x, err := d.load(ctx, v)
	if err != nil {
		return nil, err
	}
	if v.DType != tensor.F32 || n != v.Bytes() || len(x.pieces) != 1 {
		return nil, fault.New(fault.Bug, op, "%d bytes for %s in %d pieces", n, v, len(x.pieces))
	}
	return x.pieces[0].buf, nil
}

// ReadVar copies a variable's value. A stored weight never changes, so it comes
// from where it was loaded from.
func (d *Device) ReadVar(ctx context.Context, v *tensor.Var, dst []byte) error {
	if v.DType != tensor.F32 && v.Init != nil && len(dst) == v.Bytes() {
		if n, err := v.Init.ReadAt(dst, 0); n < len(dst) {
			return fault.From("read "+v.Name, err)
		}
		return nil
	}
	b, err := d.whole(ctx, "gpu.ReadVar", v, len(dst))
	if err != nil {
		return err
	}
	st, err := d.buffer("readback", len(dst), wgpu.BufferUsageCopyDst|wgpu.BufferUsageMapRead)
	if err != nil {
		return err
	}
	defer d.drop(st)
	return d.read(ctx, b, st, dst)
}

// WriteVar sets an F32 variable's value.
func (d *Device) WriteVar(ctx context.Context, v *tensor.Var, src []byte) error {
	b, err := d.whole(ctx, "gpu.WriteVar", v, len(src))
	if err != nil {
		return err
	}
	return d.fail("write", d.writeBuffer(b, 0, src))
}
