#version 300 es
// What a splat is drawn into, one instance for each: the quad around its ellipse, four corners of
// a triangle strip; or the triangle around it, 30 % larger, but half the primitives.
// PRECISION, mediump or highp, and CORNERS, 4 or 3, are defined by gl/quad_pass.py.
precision highp float;

layout(location = 0) in vec2 centre;
layout(location = 1) in vec4 axes;     // axis 1 (x, y), axis 2 (y), strength
layout(location = 2) in vec4 color;

out PRECISION vec2 corner;               // the unit circle is where the splat ends
flat out PRECISION vec4 paint;
flat out PRECISION float strength;

void main() {
#if CORNERS == 4
    vec2 at = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2.0 - 1.0;
#else
    vec2 at = vec2(float(gl_VertexID - 1) * 1.7320508, gl_VertexID == 1 ? 2.0 : -1.0);
#endif
    corner = at;
    paint = color;
    strength = axes.w;
    gl_Position = vec4(centre + axes.xy * at.x + vec2(0.0, axes.z * at.y), 0.0, 1.0);
}
