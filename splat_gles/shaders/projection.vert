#version 300 es
// One vertex per splat, in drawing order: pose it, project it, and hand its quad to splat.vert
// through transform feedback. Done once per splat instead of once per corner.
//
// The renderer writes two lines in front of this text's body: JOINTS and TARGETS, how many
// joints the avatar has and how many blendshapes it can have.
//
// Sources: EWA splatting, Zwicker et al. 2001, equations 26 to 31, with the conventions of
// Kerbl et al. 2023 (diff-gaussian-rasterization, forward.cu: computeCov2D, preprocessCUDA).
precision highp float;
precision highp int;

layout(location = 0) in uint splat;        // which splat comes next, back to front

layout(std140) uniform Frame {
    vec4 projection;    // focal length over half the size, x and y; 1.3 tan(fov/2), x and y
    vec4 picture;       // pixel's size in clip space, x and y; covariance scale; active targets
    vec4 region;        // for resolve.vert
    vec4 source;        // for enlarge.frag
    vec4 limits;        // x: one over the alpha at which a splat ends
    vec4 skin[3 * JOINTS];    // upper three rows of view * joint, for each joint
    vec4 targets[TARGETS];    // active blendshapes: x its number, y its weight
};

// Three texels a splat: position (3 floats) and colour (rgba8);
// covariance (6 halves, divided by its scale) and joints (4 bytes); weights (4 floats)
uniform highp usampler2D splats;
// Displacements in metres, a layer for each blendshape, over the splats that any moves
uniform highp sampler2DArray deltas;
uniform int touched;      // how many splats these are; they come first

flat out vec2 centre;     // clip space
flat out uvec2 axes;      // halves: axis 1 (x, y), axis 2 (y; its x is zero), strength
flat out uint color;      // rgba8, as stored

const float NEAR = 0.2;               // metres
const float LOW_PASS = 0.3;           // square pixels of the screen, at any internal resolution
const int SPLATS_PER_ROW = 512;       // as in splat_texture.py
const int DELTAS_PER_ROW = 1024;

void cull() {
    centre = vec2(2.0);
    axes = uvec2(0u);
    color = 0u;
    gl_Position = vec4(0.0);
}

void main() {
    int index = int(splat);
    ivec2 texel = ivec2(index % SPLATS_PER_ROW * 3, index / SPLATS_PER_ROW);
    uvec4 place = texelFetch(splats, texel, 0);
    uvec4 shape = texelFetch(splats, texel + ivec2(1, 0), 0);
    vec4 weights = uintBitsToFloat(texelFetch(splats, texel + ivec2(2, 0), 0));

    vec3 rest = uintBitsToFloat(place.xyz);
    if (index < touched) {
        ivec2 row = ivec2(index % DELTAS_PER_ROW, index / DELTAS_PER_ROW);
        int active_targets = int(picture.w);
        for (int i = 0; i < active_targets; ++i) {
            vec4 target = targets[i];
            rest += target.y * texelFetch(deltas, ivec3(row, int(target.x)), 0).xyz;
        }
    }

    // Linear blend skinning straight into view space
    vec4 row_x = vec4(0.0), row_y = vec4(0.0), row_z = vec4(0.0);
    for (int i = 0; i < 4; ++i) {
        int joint = 3 * int(shape.w >> uint(8 * i) & 255u);
        row_x += weights[i] * skin[joint];
        row_y += weights[i] * skin[joint + 1];
        row_z += weights[i] * skin[joint + 2];
    }
    vec4 posed = vec4(rest, 1.0);
    vec3 view = vec3(dot(row_x, posed), dot(row_y, posed), dot(row_z, posed));
    float depth = -view.z;
    if (depth <= NEAR) {
        cull();
        return;
    }

    // Jacobian of the projection into clip space at the splat's centre; beyond 1.3 times the
    // field of view it is taken at that limit, where the linearisation would explode.
    vec2 ray = view.xy / depth;
    centre = projection.xy * ray;
    vec2 limited = clamp(ray, -projection.zw, projection.zw);
    vec3 to_x = (row_x.xyz + limited.x * row_z.xyz) * (projection.x / depth);
    vec3 to_y = (row_y.xyz + limited.y * row_z.xyz) * (projection.y / depth);

    vec2 xx_xy = unpackHalf2x16(shape.x);
    vec2 xz_yy = unpackHalf2x16(shape.y);
    vec2 yz_zz = unpackHalf2x16(shape.z);
    mat3 covariance = mat3(xx_xy.x, xx_xy.y, xz_yy.x,
                           xx_xy.y, xz_yy.y, yz_zz.x,
                           xz_yy.x, yz_zz.x, yz_zz.y);
    vec3 spread_x = covariance * to_x;
    vec3 spread_y = covariance * to_y;
    float xx = dot(to_x, spread_x) * picture.z + LOW_PASS * picture.x * picture.x;
    float xy = dot(to_x, spread_y) * picture.z;
    float yy = dot(to_y, spread_y) * picture.z + LOW_PASS * picture.y * picture.y;

    // Where the splat has fallen to the least alpha (1/255 for the reference) it ends:
    // opacity * exp(-r^2 / 2) = least, so r = sqrt(2 ln(opacity / least)).
    float opacity = float(place.w >> 24u) / 255.0;
    float strength = log2(opacity * limits.x);
    float extent = sqrt(max(0.0, 2.0 * 0.69314718 * strength));
    vec2 half_size = extent * sqrt(vec2(xx, yy));
    if (strength <= 0.0 || any(greaterThan(abs(centre) - half_size, vec2(1.0)))) {
        cull();
        return;
    }

    // Any square root of the covariance spans the ellipse's quad. Cholesky's spans the same area
    // as the eigenvectors and needs neither branches nor the second axis's x.
    float axis_1 = sqrt(xx);
    float slope = xy / axis_1;
    float axis_2 = sqrt(max(yy - slope * slope, 0.0));
    axes = uvec2(packHalf2x16(extent * vec2(axis_1, slope)),
                 packHalf2x16(vec2(extent * axis_2, strength)));
    color = place.w;
    gl_Position = vec4(0.0);
}
