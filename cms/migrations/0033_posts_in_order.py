"""The posts that show a file or carry a tag, in an order that only an index by the file or the tag gives."""

from django.db import migrations, models

from cms.db.index_operations import AddIndex, add_link_index


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("cms", "0032_erasure_indexes")]

    operations = [
        AddIndex("post", models.Index(fields=["featured_image", "id"], name="cms_post_featured")),
        add_link_index(
            "Post", "embedded_media", models.Index(fields=["mediafile", "post"], name="cms_post_media_by_file")
        ),
        add_link_index("Post", "tags", models.Index(fields=["tag", "post"], name="cms_post_tags_by_tag")),
    ]
