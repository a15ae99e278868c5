package safetensors

import (
	"bytes"
	"encoding/binary"
	"math"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/tensor"
)

// Narrow rewrites a file's F32 tensors as F16, rounded to nearest. A value that
// F16 can't hold is a fault that names its tensor.
func Narrow(file []byte) ([]byte, error) {
	f, err := Open(format.BytesBlob(file))
	if err != nil {
		return nil, err
	}
	list := map[string]tensor.Source{}
	for _, name := range f.Names() {
		shape, dtype := f.Shape(name)
		if dtype != "F32" {
			if list[name], err = f.Tensor(name); err != nil {
				return nil, err
			}
			continue
		}
		v, err := f.F32(name)
		if err != nil {
			return nil, err
		}
		b := make([]byte, 0, 2*len(v))
		for _, x := range v {
			h := tensor.F32ToF16(x)
			if h&0x7fff == 0x7c00 && !math.IsInf(float64(x), 0) {
				return nil, fault.Inputf(op, "%s holds %g, which F16 has no number for", short(name), x).Next("write F32")
			}
			b = binary.LittleEndian.AppendUint16(b, h)
		}
		list[name] = tensor.MemSource(tensor.F16, shape, b, "")
	}
	var out bytes.Buffer
	err = Write(&out, list, f.Metadata)
	return out.Bytes(), err
}
