// A stand-in for NVRTC: it takes every source, and gives what the stand-in's driver takes for machine
// code. Whether sources compile is for the real NVRTC to say.

#include <string.h>

#include <string>

namespace {

struct Program {
    std::string text, code;
};

const char MACHINE_CODE[] = "\x7f" "ELF of the stand-in";
const int SUCCESS = 0, INVALID_OPTION = 5, COMPILATION = 6;

}  // namespace

extern "C" {

int nvrtcVersion(int *major, int *minor) {
    *major = 12;
    *minor = 8;
    return SUCCESS;
}

int nvrtcGetNumSupportedArchs(int *count) {
    *count = 2;
    return SUCCESS;
}

int nvrtcGetSupportedArchs(int *archs) {
    archs[0] = 80;
    archs[1] = 90;
    return SUCCESS;
}

int nvrtcCreateProgram(Program **program, const char *text, const char *, int, const char *const *,
                       const char *const *) {
    *program = new Program{text, ""};
    return SUCCESS;
}

int nvrtcDestroyProgram(Program **program) {
    delete *program;
    *program = nullptr;
    return SUCCESS;
}

int nvrtcCompileProgram(Program *program, int count, const char *const *options) {
    bool is_known = false;
    for (int i = 0; i < count; i++) {
        is_known = is_known || strcmp(options[i], "--gpu-architecture=sm_90") == 0;
    }
    if (!is_known) {
        return INVALID_OPTION;
    }
    bool has_kernels = program->text.find("__global__") != std::string::npos;
    program->code.assign(MACHINE_CODE, sizeof MACHINE_CODE);
    return has_kernels ? SUCCESS : COMPILATION;
}

int nvrtcGetCUBINSize(Program *program, size_t *size) {
    *size = program->code.size();
    return SUCCESS;
}

int nvrtcGetCUBIN(Program *program, char *code) {
    memcpy(code, program->code.data(), program->code.size());
    return SUCCESS;
}

int nvrtcGetPTXSize(Program *, size_t *size) {
    *size = 1;
    return SUCCESS;
}

int nvrtcGetPTX(Program *, char *code) {
    *code = 0;
    return SUCCESS;
}

int nvrtcGetProgramLogSize(Program *, size_t *size) {
    *size = 1;
    return SUCCESS;
}

int nvrtcGetProgramLog(Program *, char *log) {
    *log = 0;
    return SUCCESS;
}

}  // extern "C"
