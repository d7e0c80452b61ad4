# Checks that a misuse does not compile, that the compiler says why, and that the same file without
# the misuse does compile. The file looks like this:
#
#   // expect: <regular expression (CMake's) that the first error or its notes must match>
#   #ifdef BOXGRAD_MISUSE ... #else ... #endif
#
# cmake -DCOMPILER=g++ -DOPTIONS=options.txt -DSOURCE=file.cpp -P check.cmake
set(ENV{LC_ALL} C)

function(compile status output)
  execute_process(COMMAND ${COMPILER} @${OPTIONS} -fsyntax-only -fdiagnostics-color=never ${ARGN}
                          ${SOURCE}
                  RESULT_VARIABLE result OUTPUT_VARIABLE text ERROR_VARIABLE text)
  set(${status} "${result}" PARENT_SCOPE)
  set(${output} "${text}" PARENT_SCOPE)
endfunction()

file(STRINGS ${SOURCE} expected LIMIT_COUNT 1)
if(NOT expected MATCHES "^// expect: (.+)$")
  message(FATAL_ERROR "${SOURCE}: the first line must be // expect: <regular expression>")
endif()
set(expected "${CMAKE_MATCH_1}")

compile(status output)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "Does not compile without BOXGRAD_MISUSE:\n${output}")
endif()

compile(status output -DBOXGRAD_MISUSE)
if(status EQUAL 0)
  message(FATAL_ERROR "Compiles with BOXGRAD_MISUSE, but must not")
endif()

# From the first error to the next: its message and its notes.
string(FIND "${output}" "error:" begin)
if(begin EQUAL -1)
  message(FATAL_ERROR "The compiler names no error:\n${output}")
endif()
string(SUBSTRING "${output}" ${begin} -1 first)
string(SUBSTRING "${first}" 6 -1 rest)
string(FIND "${rest}" "error:" length)
if(NOT length EQUAL -1)
  math(EXPR length "${length} + 6")
  string(SUBSTRING "${first}" 0 ${length} first)
endif()
if(NOT first MATCHES "${expected}")
  message(FATAL_ERROR "The first error does not match\n  ${expected}\nIt is:\n${first}")
endif()
