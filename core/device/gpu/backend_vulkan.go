//go:build linux || windows

package gpu

import _ "github.com/gogpu/wgpu/hal/vulkan"
