#version 300 es
// opacity * exp(-r^2 / 2) with r measured in the splat's extent, sqrt(2 ln(opacity / least)):
// opacity * 2^(-log2(opacity / least) * |corner|^2). Opacity is held at 0.99 and falls to zero at
// the least alpha (diff-gaussian-rasterization, forward.cu: renderCUDA, where it is 1/255). No
// discard: a blend of zero changes nothing, and discard would cost early tests on tile-based GPUs.
// PRECISION, mediump or highp, is defined by the renderer.
precision PRECISION float;

in vec2 corner;
flat in vec4 paint;
flat in float strength;
out vec4 fragment;

void main() {
    float radius = dot(corner, corner);
    float alpha = min(0.99, paint.a * exp2(-strength * radius));
    fragment = vec4(paint.rgb, radius > 1.0 ? 0.0 : alpha);
}
