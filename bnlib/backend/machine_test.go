package backend

import "testing"

func TestLimited(t *testing.T) {
	for _, test := range []struct {
		most              level
		xla, onednn, dnnl string
		want              string
	}{
		{avx512, "", "", "", "AVX-512"},
		{avx2, "", "", "", "AVX2"},
		{avx512, "--xla_cpu_max_isa=AVX2", "AVX2", "", "AVX2"},
		{avx512, "--xla_dump_to=/x --xla_cpu_max_isa=avx2", "", "", "AVX2, oneDNN AVX-512"},
		{avx512, "", "AVX2_VNNI", "", "AVX-512, oneDNN AVX2"},
		{avx512, "--xla_cpu_max_isa=SSE4_2", "SSE41", "", "SSE4.2, oneDNN SSE2"},
		{avx512, "--xla_cpu_max_isa=AVX512_BF16", "AVX512_CORE_AMX", "", "AVX-512"},
		{avx512, "", "DEFAULT", "AVX", "AVX-512"},
		{avx512, "--xla_cpu_max_isa=AVX", "", "AVX", "AVX"},
		{avx2, "--xla_cpu_max_isa=AVX512", "ALL", "", "AVX2"},
	} {
		env := map[string]string{"XLA_FLAGS": test.xla, "ONEDNN_MAX_CPU_ISA": test.onednn, "DNNL_MAX_CPU_ISA": test.dnnl}
		if got := limited(test.most, func(name string) string { return env[name] }); got != test.want {
			t.Errorf("%v with %v: %s, want %s", test.most, env, got, test.want)
		}
	}
}
