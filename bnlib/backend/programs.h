// The part of PJRT's C interface (pjrt_c_api.h of OpenXLA) that keeping compiled programs needs. The interface grows only at its
// ends, so that what stands here holds for later versions too.
#include <stddef.h>

typedef void* (*pjrt_function)(void* args); // returns NULL or an error

typedef struct {
	size_t size;
	void* extension;
	struct {
		size_t size;
		void* extension;
		int major, minor;
	} version;
	pjrt_function functions[];
} pjrt_api;

// Places in functions.
enum {
	error_destroy = 0,
	client_create = 10,
	client_compile = 20,
	executable_destroy = 40,
	executable_serialize = 49,
	loaded_executable_get_executable = 51,
	executable_deserialize_and_load = 56,
	functions_needed,
};

typedef struct {
	size_t size;
	void* extension;
	const void* options;
	size_t options_count;
	void *get, *get_arg, *put, *put_arg;
	void* client; // out
} create_args;

typedef struct {
	size_t size;
	void* extension;
	const char* code;
	size_t code_size;
	const char* format;
	size_t format_size;
} program;

typedef struct {
	size_t size;
	void* extension;
	void* client;
	const program* program;
	const char* options;
	size_t options_size;
	void* executable; // out
} compile_args;

typedef struct {
	size_t size;
	void* extension;
	void* loaded;
	void* executable; // out
} get_executable_args;

typedef struct {
	size_t size;
	void* extension;
	void* executable;
	const char* code; // out, until it is freed
	size_t code_size; // out
	void* serialized; // out
	void (*free)(void* serialized); // out
} serialize_args;

typedef struct {
	size_t size;
	void* extension;
	void* client;
	const char* code;
	size_t code_size;
	void* loaded; // out
	const char* options; // NULL: those that the program was compiled with
	size_t options_size;
} load_args;

// For the three functions whose only argument is what they free.
typedef struct {
	size_t size;
	void* extension;
	void* what;
} destroy_args;

// table returns the functions of a plugin that is loaded, NULL if there are none or not enough.
pjrt_api* table(const char* plugin);

// stand_in puts this package's functions in the place of the two that create clients and compile, and returns 0; the functions
// that were there come first.
int stand_in(pjrt_api* api, pjrt_function* create, pjrt_function* compile);

void* call(pjrt_function f, void* args);
void call_free(serialize_args* args);
