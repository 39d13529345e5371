/* The intrusive list. */
#include <criterion/criterion.h>

#include "base/list.h"

typedef struct item {
    int value;
    msi_list link;
} item;

static item items[6];
static msi_list head, other;

static void setup(void)
{
    msi_list_init(&head);
    msi_list_init(&other);
    for (int i = 0; i < 6; i++) {
        items[i].value = i;
        msi_list_init(&items[i].link);
    }
}

/* The values as digits of a decimal number, read forwards; -1 when backwards disagrees. */
static int digits(const msi_list *list)
{
    int forwards = 0, backwards = 0, power = 1;
    for (const msi_list *l = list->next; l != list; l = l->next) {
        forwards = forwards * 10 + MSI_CONTAINER(l, item, link)->value;
    }
    for (const msi_list *l = list->prev; l != list; l = l->prev) {
        backwards += power * MSI_CONTAINER(l, item, link)->value;
        power *= 10;
    }
    return forwards == backwards ? forwards : -1;
}

static void append(msi_list *to, int from, int until)
{
    for (int i = from; i < until; i++) {
        msi_list_append(to, &items[i].link);
    }
}

TestSuite(list, .init = setup);

Test(list, keeps_the_order)
{
    cr_assert(msi_list_empty(&head));
    append(&head, 1, 5);
    cr_assert_not(msi_list_empty(&head));
    cr_assert_eq(digits(&head), 1234);
}

Test(list, takes_the_first)
{
    append(&head, 1, 3);
    cr_assert_eq(msi_list_take(&head), &items[1].link);
    cr_assert_eq(msi_list_take(&head), &items[2].link);
    cr_assert_null(msi_list_take(&head));
    cr_assert(msi_list_empty(&head));
    cr_assert(msi_list_empty(&items[1].link), "a link that was taken is in no list");
}

Test(list, removes_anywhere_and_twice)
{
    append(&head, 1, 6);
    msi_list_remove(&items[3].link);
    cr_assert_eq(digits(&head), 1245);
    msi_list_remove(&items[3].link);
    msi_list_remove(&items[1].link);
    msi_list_remove(&items[5].link);
    cr_assert_eq(digits(&head), 24);
    msi_list_append(&head, &items[3].link);
    cr_assert_eq(digits(&head), 243);
}

Test(list, appending_to_a_link_goes_before_it)
{
    append(&head, 1, 3);
    msi_list_append(&items[2].link, &items[5].link);
    cr_assert_eq(digits(&head), 152);
}

Test(list, splices)
{
    append(&head, 1, 3);
    append(&other, 3, 6);
    msi_list_splice(&head, &other);
    cr_assert_eq(digits(&head), 12345);
    cr_assert(msi_list_empty(&other));
    msi_list_splice(&head, &other);
    cr_assert_eq(digits(&head), 12345, "an empty list adds nothing");
    msi_list_splice(&other, &head);
    cr_assert_eq(digits(&other), 12345, "to an empty list");
}
