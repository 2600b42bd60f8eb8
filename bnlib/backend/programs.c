//go:build linux && (amd64 || arm64)

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
#include "programs.h"

pjrt_api* table(const char* plugin) {
	void* library = dlopen(plugin, RTLD_LAZY | RTLD_NOLOAD);
	if (library == NULL) {
		return NULL;
	}
	pjrt_api* (*get)(void) = (pjrt_api* (*)(void))dlsym(library, "GetPjrtApi");
	pjrt_api* api = get == NULL ? NULL : get();
	dlclose(library); // go-xla has it open
	if (api == NULL || api->size < sizeof(pjrt_api) + functions_needed * sizeof(pjrt_function)) {
		return NULL;
	}
	return api;
}

// Functions of programs.go.
extern void* batchnorm_create(void* args);
extern void* batchnorm_compile(void* args);

int stand_in(pjrt_api* api, pjrt_function* create, pjrt_function* compile) {
	*create = api->functions[client_create];
	*compile = api->functions[client_compile];
	// The table need not lie in memory that can be written.
	uintptr_t page = sysconf(_SC_PAGESIZE);
	uintptr_t from = (uintptr_t)&api->functions[client_create] & ~(page - 1);
	uintptr_t to = (uintptr_t)&api->functions[client_compile + 1];
	if (mprotect((void*)from, to - from, PROT_READ | PROT_WRITE) != 0) {
		return -1;
	}
	api->functions[client_create] = batchnorm_create;
	api->functions[client_compile] = batchnorm_compile;
	return 0;
}

void* call(pjrt_function f, void* args) { return f(args); }

void call_free(serialize_args* args) { args->free(args->serialized); }
