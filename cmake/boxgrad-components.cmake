# The optional components. Each makes one other library usable as boxgrad::<component>. The build
# and the installed package both include this file, so that both find the same things.

# Defines boxgrad::<component> when its library is found. Sets boxgrad_<component>_FOUND, and
# boxgrad_<component>_MESSAGE to what was found or what is missing. GLOBAL makes the targets
# visible outside this directory (for add_subdirectory).
function(boxgrad_add_component component)
  get_property(before DIRECTORY PROPERTY IMPORTED_TARGETS)
  set(found FALSE)
  set(libraries)
  set(includes)
  set(definitions)
  set(options)

  if(component STREQUAL "eigen")
    set(message "needs Eigen 3.4 or newer (Debian: libeigen3-dev)")
    if(NOT TARGET Eigen3::Eigen)
      find_package(Eigen3 CONFIG QUIET)  # no version: Eigen 5 refuses "3.4"
    endif()
    if(TARGET Eigen3::Eigen AND NOT (Eigen3_VERSION AND Eigen3_VERSION VERSION_LESS 3.4))
      set(found TRUE)
      set(message "Eigen ${Eigen3_VERSION}")
      set(libraries Eigen3::Eigen)
    endif()

  elseif(component STREQUAL "xtensor")
    set(message "needs xtensor (Debian: libxtensor-dev)")
    if(NOT TARGET xtensor)
      find_package(xtensor CONFIG QUIET)
    endif()
    if(TARGET xtensor)
      set(found TRUE)
      set(message "xtensor ${xtensor_VERSION}")
      set(libraries xtensor)
    endif()

  elseif(component STREQUAL "cuda")
    # Headers only: without nvcc, define THRUST_DEVICE_SYSTEM=THRUST_DEVICE_SYSTEM_CPP (or _OMP).
    set(message "needs the CUDA toolkit or Thrust's headers (Debian: libthrust-dev), "
                "or BOXGRAD_CCCL_INCLUDE_DIR set to a folder that holds thrust/")
    string(CONCAT message ${message})
    find_path(BOXGRAD_CCCL_INCLUDE_DIR thrust/version.h
              HINTS ${CUDAToolkit_INCLUDE_DIRS} ENV CUDA_PATH ENV CUDA_HOME /usr/local/cuda
              PATH_SUFFIXES include/cccl cccl include
              DOC "Folder that holds thrust/, cub/ and cuda/std/")
    if(NOT BOXGRAD_CCCL_INCLUDE_DIR)
      find_package(CCCL CONFIG QUIET)  # in a prefix of its own
      find_path(BOXGRAD_CCCL_INCLUDE_DIR thrust/version.h
                HINTS "${CCCL_DIR}/../../../include" "${CCCL_DIR}/../../../../include/cccl")
    endif()
    if(BOXGRAD_CCCL_INCLUDE_DIR)
      set(found TRUE)
      set(message "Thrust in ${BOXGRAD_CCCL_INCLUDE_DIR}")
      set(includes ${BOXGRAD_CCCL_INCLUDE_DIR})
      if(CMAKE_VERSION VERSION_LESS 3.26)  # its cxx_std_20 gives nvcc no C++20
        set(options $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20>)
      endif()
    endif()

  elseif(component STREQUAL "xsimd")
    set(message "needs xsimd (Debian: libxsimd-dev)")
    if(NOT TARGET xsimd)
      find_package(xsimd CONFIG QUIET)
    endif()
    if(TARGET xsimd)
      set(found TRUE)
      set(message "xsimd ${xsimd_VERSION}")
      set(libraries xsimd)
      set(definitions BOXGRAD_HAS_XSIMD=1)
    endif()

  elseif(component STREQUAL "openmp")
    set(message "needs OpenMP in the C++ compiler")
    if(NOT TARGET OpenMP::OpenMP_CXX)
      find_package(OpenMP QUIET COMPONENTS CXX)
    endif()
    if(TARGET OpenMP::OpenMP_CXX)
      set(found TRUE)
      set(message "OpenMP ${OpenMP_CXX_VERSION}")
      set(libraries OpenMP::OpenMP_CXX)
      set(definitions BOXGRAD_HAS_OPENMP=1)
    endif()

  else()
    set(message "no such component (there are eigen, xtensor, cuda, xsimd and openmp)")
  endif()

  string(STRIP "${message}" message)

  if(found AND "GLOBAL" IN_LIST ARGN)
    get_property(after DIRECTORY PROPERTY IMPORTED_TARGETS)
    list(REMOVE_ITEM after ${before} "")
    foreach(target IN LISTS after)
      set_target_properties(${target} PROPERTIES IMPORTED_GLOBAL TRUE)
    endforeach()
  endif()
  if(found AND NOT TARGET boxgrad::${component})
    add_library(boxgrad::${component} INTERFACE IMPORTED ${ARGN})
    target_link_libraries(boxgrad::${component} INTERFACE boxgrad::boxgrad ${libraries})
    target_include_directories(boxgrad::${component} SYSTEM INTERFACE ${includes})
    target_compile_definitions(boxgrad::${component} INTERFACE ${definitions})
    target_compile_options(boxgrad::${component} INTERFACE ${options})
  endif()
  set(boxgrad_${component}_FOUND ${found} PARENT_SCOPE)
  set(boxgrad_${component}_MESSAGE "${message}" PARENT_SCOPE)
endfunction()
