/* model.c - see model.h. The expected answer is fixed when an op is drawn, because operations on
 * one key take effect in the order in which they were submitted. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void model_open(kit *k, model *m)
{
    m->k = k;
    for (int s = 0; s < RIG_SPACES; s++) {
        for (int i = 0; i < MODEL_KEYS; i++) {
            m->entries[s][i] = (model_entry){.data = check_memory(k, MODEL_VALUE_MAX)};
        }
    }
}

/* Short and long ones, and with bytes that are no letters. */
void model_key(int index, char key[32])
{
    static const char *const shapes[] = {"%d", "key:%d", "\x01\xff%d", "a rather long key: %d"};
    const char *shape = shapes[index % 4];
    const char *number = strchr(shape, '%');
    snprintf(key, 32, "%.*s%d", (int) (number - shape), shape, index);
}

static size_t draw_length(check_random *r)
{
    switch (check_draw(r, 40)) {
    case 0:
        return check_draw(r, MODEL_VALUE_MAX);
    case 1:
        return 0;
    default:
        return check_draw(r, check_draw(r, 2) ? 60 : 1500);
    }
}

static void draw_condition(check_random *r, model_op *mo, const model_entry *e)
{
    uint64_t condition = check_draw(r, 4);
    if (condition == 1) {
        mo->op->op.flags = MST_OPF_IF_ABSENT;
    } else if (condition == 2) {
        mo->op->op.flags = MST_OPF_IF_PRESENT;
    }
    if ((condition == 1 && e->present) || (condition == 2 && !e->present)) {
        mo->expected = MST_UNCHANGED;
    }
}

static void draw_set(model *m, rig *r, model_op *mo, model_entry *e, bool conditions)
{
    check_random *random = &m->k->random;
    uint8_t *data = check_memory(m->k, MODEL_VALUE_MAX);
    size_t len = draw_length(random);
    check_fill(random, (unsigned) check_draw(random, CHECK_SHAPES), data, len);
    rig_value(mo->op, data, len);
    mo->op->op.tag = r->inproc ? check_draw(random, UINT64_MAX) : 0;
    mo->expected = MST_OK;
    if (conditions) {
        draw_condition(random, mo, e);
    }
    if (mo->expected == MST_OK) {
        memcpy(e->data, data, len);
        e->len = len;
        e->tag = mo->op->op.tag;
        e->present = true;
    }
    free(data);
}

static void draw_get(model *m, model_op *mo, const model_entry *e)
{
    if (check_draw(&m->k->random, 5) == 0) {
        mo->op->op.flags = MST_OPF_PEEK;
    }
    mo->len = e->len;
    mo->tag = e->tag;
    if (e->present) {
        mo->data = check_memory(m->k, e->len);
        memcpy(mo->data, e->data, e->len);
    }
}

static int draw_code(model *m, const rig *r, bool clears)
{
    static const int codes[] = {MST_OP_SET, MST_OP_SET, MST_OP_SET,    MST_OP_GET,  MST_OP_GET,
                                MST_OP_GET, MST_OP_DEL, MST_OP_EXISTS, MST_OP_TOUCH};
    int code = clears && check_draw(&m->k->random, 60) == 0
                   ? MST_OP_CLEAR
                   : codes[check_draw(&m->k->random, sizeof codes / sizeof codes[0])];
    return rig_has(r, code) ? code : MST_OP_GET;
}

model_op model_draw(model *m, rig *r, int space, bool conditions, bool clears)
{
    char key[32];
    int index = (int) check_draw(&m->k->random, MODEL_KEYS), code = draw_code(m, r, clears);
    model_entry *e = &m->entries[space][index];
    model_key(index, key);
    model_op mo = {.op = rig_new(r, code, space, key), .expected = e->present ? MST_OK : MST_MISS};
    switch (code) {
    case MST_OP_SET:
        draw_set(m, r, &mo, e, conditions);
        break;
    case MST_OP_GET:
        draw_get(m, &mo, e);
        break;
    case MST_OP_DEL:
        e->present = false;
        break;
    case MST_OP_CLEAR:
        mo.expected = MST_OK;
        for (int i = 0; i < MODEL_KEYS; i++) {
            m->entries[space][i].present = false;
        }
        break;
    default:
        break;
    }
    return mo;
}

void model_verify(model_op *mo)
{
    rig_op *o = mo->op;
    const char *why = mo->expected == MST_MISS        ? "the key is not there"
                      : mo->expected == MST_UNCHANGED ? "its condition does not hold"
                      : o->op.code == MST_OP_SET      ? "nothing is in its way"
                                                      : "the key is there";
    rig_expect(o, mo->expected, why);
    if (o->op.code == MST_OP_GET && mo->expected == MST_OK) {
        if (o->r->inproc && o->op.tag != mo->tag) {
            check_fail(o->r->k, "GET returned another tag than was stored");
        }
        rig_expect_value(o, mo->data, mo->len);
    }
    free(mo->data);
    mo->data = NULL;
}
