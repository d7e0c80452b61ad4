// expect: deleted
// SPDX-License-Identifier: Apache-2.0
#include <boxgrad/backend/memory.hpp>
#include <boxgrad/coder/pseudo.hpp>
#include <boxgrad/loss/giou.hpp>
#include <boxgrad/loss/through.hpp>

boxgrad::shaped<float, 2> priors();

float f(const boxgrad::shaped<float, 2>& codes, const boxgrad::shaped<float, 2>& target) {
    using namespace boxgrad;
#ifdef BOXGRAD_MISUSE
    const auto term = loss::through(coder::pseudo{}, loss::giou{}, priors());  // they would be gone in value()
#else
    const auto kept = priors();
    const auto term = loss::through(coder::pseudo{}, loss::giou{}, kept);
#endif
    return loss::value(memory<float>{}, term, reduction::sum{}, codes, target);
}
