package backend

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/gomlx/compute"
	features "golang.org/x/sys/cpu"
)

// Machine identifies, in a line, what a network's numbers depend on beside the network: the plugin, as [Name] does, the
// processor or the GPU, the newest instruction set that may be used there, and the number of threads if that is not one:
// "xla:cpu, PJRT 0.106, plugin of 273768800 bytes; AMD EPYC (family 25, model 17); AVX-512". XLA's code generator and its
// libraries add in an order that follows from the instructions, and block matrices by the processor's model.
//
// The environment variables by which readers limit the instruction set count: XLA_FLAGS with --xla_cpu_max_isa, and
// ONEDNN_MAX_CPU_ISA.
func Machine(b compute.Backend) string {
	parts := []string{Name(b)}
	if OnGPU(b) {
		return strings.Join(append(parts, gpuModel(b)), "; ")
	}
	if model := processorModel(); model != "" {
		parts = append(parts, model)
	}
	_, xla := onProcessor(b)
	parts = append(parts, instructions(xla, os.Getenv))
	if n := threads(b); n > 1 {
		parts = append(parts, fmt.Sprintf("%d threads", n))
	}
	return strings.Join(parts, "; ")
}

// level is an instruction set that compilers and libraries distinguish when they add floats.
type level int

const (
	baseline level = iota
	sse42
	avx
	avx2
	avx512
)

func (l level) String() string { return [...]string{"SSE2", "SSE4.2", "AVX", "AVX2", "AVX-512"}[l] }

// levelOf returns the level that a name such as AVX2, AVX512_VNNI, AVX512_CORE_BF16 or SSE4_2 limits a library to.
func levelOf(name string) level {
	name = strings.ToUpper(name)
	for _, known := range []struct {
		prefix string
		level  level
	}{{"SSE4_1", baseline}, {"SSE4_2", sse42}, {"SSE41", baseline}, {"AVX2", avx2}, {"AVX512", avx512}, {"AVX10", avx512}, {"AVX", avx}} {
		if strings.HasPrefix(name, known.prefix) {
			return known.level
		}
	}
	return avx512 // no limit
}

// native returns the newest level of this processor, as the operating system lets programs use it.
func native() level {
	switch x := features.X86; {
	case x.HasAVX512F && x.HasAVX512VL && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512CD:
		return avx512
	case x.HasAVX2 && x.HasFMA:
		return avx2
	case x.HasAVX:
		return avx
	case x.HasSSE42:
		return sse42
	}
	return baseline
}

// instructions names the instruction set; xla says whether XLA is what computes.
func instructions(xla bool, getenv func(string) string) string {
	switch {
	case runtime.GOARCH == "arm64" && features.ARM64.HasSVE:
		return "SVE"
	case runtime.GOARCH == "arm64":
		return "NEON"
	case runtime.GOARCH != "amd64":
		return runtime.GOARCH
	case xla:
		return limited(native(), getenv)
	}
	return native().String()
}

// limited names a level with the limits that the environment sets to XLA and to oneDNN in it.
func limited(most level, getenv func(string) string) string {
	byXLA, byOneDNN := most, most
	for flag := range strings.FieldsSeq(getenv("XLA_FLAGS")) {
		if name, ok := strings.CutPrefix(flag, "--xla_cpu_max_isa="); ok {
			byXLA = min(most, levelOf(name))
		}
	}
	for _, variable := range []string{"DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA"} { // the second, if both are set
		if name := getenv(variable); name != "" {
			byOneDNN = min(most, levelOf(name))
		}
	}
	if byXLA == byOneDNN {
		return byXLA.String()
	}
	return fmt.Sprintf("%v, oneDNN %v", byXLA, byOneDNN)
}
