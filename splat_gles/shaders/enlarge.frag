#version 300 es
// Catmull-Rom's bicubic filter (Catmull and Rom 1974; the cubic of Keys 1981 with a = -1/2).
// The two middle taps of each axis are one bilinear fetch at their common weight (Sigg and
// Hadwiger, GPU Gems 2, chapter 20), and the four corners, whose weights are below 1/200, are left
// out: 5 fetches for 16 taps, and no worse in decibels than all 9.
precision highp float;
precision highp sampler2D;

layout(std140) uniform Frame {
    vec4 projection;
    vec4 picture;
    vec4 region;
    vec4 source;
};
uniform sampler2D drawn;
out vec4 fragment;

void main() {
    vec2 at = gl_FragCoord.xy * source.xy;
    vec2 middle = floor(at - 0.5) + 0.5;
    vec2 t = at - middle;
    vec2 first = t * (-0.5 + t * (1.0 - 0.5 * t));
    vec2 second = 1.0 + t * t * (1.5 * t - 2.5);
    vec2 third = t * (0.5 + t * (2.0 - 1.5 * t));
    vec2 fourth = t * t * (0.5 * t - 0.5);
    vec2 both = second + third;

    // The buffer may be larger than the picture in it: never look beyond that
    vec2 per_pixel = 1.0 / vec2(textureSize(drawn, 0));
    vec2 last = source.zw - 0.5;
    vec2 a = clamp(middle - 1.0, vec2(0.5), last) * per_pixel;
    vec2 b = clamp(middle + third / both, vec2(0.5), last) * per_pixel;
    vec2 c = clamp(middle + 2.0, vec2(0.5), last) * per_pixel;
    float above = both.x * first.y, left = first.x * both.y, centre = both.x * both.y;
    float right = fourth.x * both.y, below = both.x * fourth.y;
    vec3 color = above * texture(drawn, vec2(b.x, a.y)).rgb
               + left * texture(drawn, vec2(a.x, b.y)).rgb
               + centre * texture(drawn, b).rgb
               + right * texture(drawn, vec2(c.x, b.y)).rgb
               + below * texture(drawn, vec2(b.x, c.y)).rgb;
    color /= above + left + centre + right + below;
    fragment = vec4(clamp(color, 0.0, 1.0), 1.0);
}
