from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("exportapp", "0009_results_elsewhere")]

    operations = [
        migrations.RenameField("exportshard", "arrow_sha256", "arrow_digest"),
        migrations.RenameField("exportshard", "xlsx_sha256", "xlsx_digest"),
    ]
