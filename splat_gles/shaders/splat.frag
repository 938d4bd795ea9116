#version 300 es
// opacity * exp(-r^2 / 2) with r measured in the splat's extent, sqrt(2 ln(opacity / least)):
// opacity * 2^(-log2(opacity / least) * |corner|^2). Opacity is held at 0.99 and falls to zero at
// the least alpha (diff-gaussian-rasterization, forward.cu: renderCUDA, where it is 1/255). No
// discard: a blend of zero changes nothing, and discard would cost early tests on tile-based GPUs.
// PRECISION, mediump or highp, and CUBIC_EXP2, 0 or 1, are defined by gl/quad_pass.py.
precision PRECISION float;

in vec2 corner;
flat in vec4 paint;
flat in float strength;
out vec4 fragment;

// 2^-x for x from 0 to 8, the most that log2(255) leaves: a cubic fit of 2^(-x/8) over Chebyshev
// nodes (relative error 8e-5), to the eighth power. Beyond 8 it is wrong, and masked out below.
float falloff(float x) {
#if CUBIC_EXP2
    float u = 0.125 * x;
    float power = ((-0.04044398 * u + 0.23175297) * u - 0.69144954) * u + 0.99992266;
    power *= power;
    power *= power;
    return power * power;
#else
    return exp2(-x);
#endif
}

void main() {
    float radius = dot(corner, corner);
    float alpha = min(0.99, paint.a * falloff(strength * radius));
    fragment = vec4(paint.rgb, radius > 1.0 ? 0.0 : alpha);
}
